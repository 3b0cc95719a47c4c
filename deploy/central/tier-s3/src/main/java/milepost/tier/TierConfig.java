package milepost.tier;

import java.net.URI;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigDef.Range;
import org.apache.kafka.common.config.ConfigDef.Type;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.config.types.Password;

/** What follows {@code rsm.config.} in the broker's properties, checked before anything is opened. */
final class TierConfig extends AbstractConfig {
    static final String ENDPOINT = "s3.endpoint";
    static final String REGION = "s3.region";
    static final String BUCKET = "s3.bucket";
    static final String PREFIX = "s3.prefix";
    static final String PATH_STYLE = "s3.path.style";
    static final String ACCESS_KEY = "s3.access.key";
    static final String SECRET_KEY = "s3.secret.key";
    static final String CHUNK_BYTES = "chunk.bytes";
    static final String MAX_ATTEMPTS = "max.attempts";
    static final String MAX_CONNECTIONS = "max.connections";
    static final String CONNECT_TIMEOUT_MS = "connect.timeout.ms";
    static final String SOCKET_TIMEOUT_MS = "socket.timeout.ms";

    static final ConfigDef DEFINITION = new ConfigDef()
            .define(ENDPOINT, Type.STRING, "", Importance.HIGH,
                    "URL of the S3 server; empty for AWS, whose address follows from the region.")
            .define(REGION, Type.STRING, "us-east-1", Importance.HIGH, "Region of the bucket.")
            .define(BUCKET, Type.STRING, ConfigDef.NO_DEFAULT_VALUE, new ConfigDef.NonEmptyString(),
                    Importance.HIGH, "Bucket of the segments; it must exist.")
            .define(PREFIX, Type.STRING, "", Importance.MEDIUM,
                    "Put before every key, for a bucket that holds other things too.")
            .define(PATH_STYLE, Type.BOOLEAN, false, Importance.MEDIUM,
                    "Bucket in the path instead of the host name, as most servers but AWS want it.")
            .define(ACCESS_KEY, Type.PASSWORD, "", Importance.HIGH,
                    "Access key; empty for the SDK's chain: environment, profile, instance role.")
            .define(SECRET_KEY, Type.PASSWORD, "", Importance.HIGH, "Secret that goes with the key.")
            .define(CHUNK_BYTES, Type.INT, 1 << 20, Range.between(1 << 12, 1 << 26), Importance.MEDIUM,
                    "Most that one GET asks for. Kafka asks for the rest of a segment and reads one"
                            + " fetch of it, 1 MiB by default; a bigger chunk is thrown away then.")
            .define(MAX_ATTEMPTS, Type.INT, 4, Range.between(1, 20), Importance.MEDIUM,
                    "Tries of one request, and of one stream that breaks off.")
            .define(MAX_CONNECTIONS, Type.INT, 40, Range.between(1, 1000), Importance.LOW,
                    "Open connections; at least Kafka's reader, copier and expiration threads"
                            + " together, 10 each by default.")
            .define(CONNECT_TIMEOUT_MS, Type.INT, 5_000, Range.atLeast(1), Importance.LOW,
                    "Longest time to open a connection, or to wait for a free one.")
            .define(SOCKET_TIMEOUT_MS, Type.INT, 30_000, Range.atLeast(1), Importance.LOW,
                    "Longest silence on an open connection.");

    TierConfig(Map<String, ?> values) {
        super(DEFINITION, values, false);
        if (secret(ACCESS_KEY).isEmpty() != secret(SECRET_KEY).isEmpty()) {
            throw new ConfigException(ACCESS_KEY + " and " + SECRET_KEY + " go together");
        }
        endpoint();
        final String prefix = prefix();
        if (prefix.startsWith("/") || prefix.contains("//")) {
            throw new ConfigException(PREFIX, prefix, "no leading and no doubled slash");
        }
    }

    Optional<URI> endpoint() {
        final String endpoint = getString(ENDPOINT);
        if (endpoint.isEmpty()) {
            return Optional.empty();
        }
        try {
            final URI uri = new URI(endpoint);
            if (("http".equals(uri.getScheme()) || "https".equals(uri.getScheme()))
                    && uri.getHost() != null) {
                return Optional.of(uri);
            }
        } catch (java.net.URISyntaxException e) {
            // Said below, with the key's name.
        }
        throw new ConfigException(ENDPOINT, endpoint, "expected http://host:port or https://host");
    }

    String prefix() {
        return getString(PREFIX);
    }

    String secret(String key) {
        final Password password = getPassword(key);
        return password == null ? "" : password.value();
    }
}
