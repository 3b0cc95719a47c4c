#!/usr/bin/env bash
# Reads manifests into Strimzi's own classes, from Maven Central; fails for a property that they do not
# know. Run by hand: test/deploy/strimzi/check.sh [FILE...], without one those of deploy/kubernetes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
(($#)) || set -- "$here"/../../../deploy/kubernetes/*.yaml
libraries=$(mktemp -d)
trap 'rm -rf "$libraries"' EXIT
mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$libraries"
java -cp "$libraries/*" "$here/ManifestCheck.java" "$@"
