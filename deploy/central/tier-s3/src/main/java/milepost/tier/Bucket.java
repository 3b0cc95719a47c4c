package milepost.tier;

import java.time.Duration;
import org.apache.kafka.server.log.remote.storage.RemoteResourceNotFoundException;
import org.apache.kafka.server.log.remote.storage.RemoteStorageException;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.ResponseInputStream;
import software.amazon.awssdk.core.checksums.RequestChecksumCalculation;
import software.amazon.awssdk.core.checksums.ResponseChecksumValidation;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.apache5.Apache5HttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.retries.StandardRetryStrategy;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3ClientBuilder;
import software.amazon.awssdk.services.s3.model.GetObjectResponse;
import software.amazon.awssdk.services.s3.model.NoSuchBucketException;
import software.amazon.awssdk.services.s3.model.S3Exception;

/** One bucket and the few requests that the tier makes to it, with Kafka's exceptions. */
final class Bucket implements AutoCloseable {
    private final S3Client client;
    private final String name;

    Bucket(TierConfig config) {
        name = config.getString(TierConfig.BUCKET);
        final Duration connectTimeout = Duration.ofMillis(config.getInt(TierConfig.CONNECT_TIMEOUT_MS));
        final S3ClientBuilder builder = S3Client.builder()
                .region(Region.of(config.getString(TierConfig.REGION)))
                .forcePathStyle(config.getBoolean(TierConfig.PATH_STYLE))
                // Other servers than AWS know the checksums of old and not all the new ones. The
                // segment's batches carry Kafka's CRC32C, which every consumer checks.
                .requestChecksumCalculation(RequestChecksumCalculation.WHEN_REQUIRED)
                .responseChecksumValidation(ResponseChecksumValidation.WHEN_REQUIRED)
                .httpClientBuilder(Apache5HttpClient.builder()
                        .maxConnections(config.getInt(TierConfig.MAX_CONNECTIONS))
                        .connectionTimeout(connectTimeout)
                        .connectionAcquisitionTimeout(connectTimeout)
                        .socketTimeout(Duration.ofMillis(config.getInt(TierConfig.SOCKET_TIMEOUT_MS))))
                .overrideConfiguration(override -> override.retryStrategy(StandardRetryStrategy.builder()
                        .maxAttempts(config.getInt(TierConfig.MAX_ATTEMPTS))
                        .build()));
        config.endpoint().ifPresent(builder::endpointOverride);
        final String accessKey = config.secret(TierConfig.ACCESS_KEY);
        if (!accessKey.isEmpty()) {
            builder.credentialsProvider(StaticCredentialsProvider.create(
                    AwsBasicCredentials.create(accessKey, config.secret(TierConfig.SECRET_KEY))));
        }
        client = builder.build();
    }

    String name() {
        return name;
    }


    /** An object is there whole or not at all: S3 shows none of it before the last byte has come. */
    void put(String key, RequestBody body) throws RemoteStorageException {
        try {
            client.putObject(request -> request.bucket(name).key(key), body);
        } catch (SdkException e) {
            throw failure("PUT", key, e);
        }
    }

    /** A whole object: an index, which the broker's {@code segment.index.bytes} bounds. */
    byte[] get(String key) throws RemoteStorageException {
        try {
            return client.getObjectAsBytes(request -> request.bucket(name).key(key)).asByteArrayUnsafe();
        } catch (SdkException e) {
            throw failure("GET", key, e);
        }
    }

    /** Bytes {@code from} to {@code to}, both inclusive. */
    ResponseInputStream<GetObjectResponse> get(String key, long from, long to) throws RemoteStorageException {
        try {
            return client.getObject(
                    request -> request.bucket(name).key(key).range("bytes=" + from + "-" + to));
        } catch (SdkException e) {
            throw failure("GET", key, e);
        }
    }

    /** Succeeds also where there is no such object. */
    void delete(String key) throws RemoteStorageException {
        try {
            client.deleteObject(request -> request.bucket(name).key(key));
        } catch (SdkException e) {
            final RemoteStorageException failure = failure("DELETE", key, e);
            if (!(failure instanceof RemoteResourceNotFoundException)) {
                throw failure;
            }
        }
    }

    @Override
    public void close() {
        client.close();
    }

    private RemoteStorageException failure(String verb, String key, SdkException e) {
        final String what = verb + " s3://" + name + "/" + key;
        // A missing bucket is answered with 404 too, but nothing can be concluded from it: to Kafka
        // "no transaction index" means that no transaction was aborted.
        if (e instanceof S3Exception s3
                && s3.statusCode() == 404
                && !(e instanceof NoSuchBucketException)
                && !"NoSuchBucket".equals(s3.awsErrorDetails() == null ? "" : s3.awsErrorDetails().errorCode())
                && !key.isEmpty()) {
            return new RemoteResourceNotFoundException(what + ": no such object", e);
        }
        return new RemoteStorageException(what + ": " + e.getMessage(), e);
    }
}
