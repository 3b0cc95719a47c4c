package milepost.tier;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.server.log.remote.storage.LogSegmentData;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentMetadata;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentMetadata.CustomMetadata;
import org.apache.kafka.server.log.remote.storage.RemoteResourceNotFoundException;
import org.apache.kafka.server.log.remote.storage.RemoteStorageException;
import org.apache.kafka.server.log.remote.storage.RemoteStorageManager;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import software.amazon.awssdk.core.sync.RequestBody;

/**
 * Kafka's tier (KIP-405) in an S3 bucket: a segment is one object, each of its indexes another. It
 * keeps nothing in memory but counters and open streams, and nothing on disk.
 *
 * <p>Meant for one machine, where it is the default. It has no cache, no compression and no
 * encryption of its own; a cluster wants Aiven's plugin, which has them.
 */
public final class S3RemoteStorageManager implements RemoteStorageManager {
    private static final Logger LOG = LoggerFactory.getLogger(S3RemoteStorageManager.class);

    private TierConfig config;
    private SegmentKeys keys;
    private Bucket bucket;
    private TierMetrics metrics;

    /** Throws Kafka's {@code ConfigException} where a key is missing or wrong; asks nothing of S3. */
    @Override
    public void configure(Map<String, ?> values) {
        config = new TierConfig(values);
        keys = new SegmentKeys(config.prefix());
        bucket = new Bucket(config);
        metrics = new TierMetrics(bucket.name());
        LOG.info("Segments go to bucket {}", bucket.name());
    }

    /** Indexes first and the log last: where a log object is, the segment is whole. */
    @Override
    public Optional<CustomMetadata> copyLogSegmentData(RemoteLogSegmentMetadata segment, LogSegmentData data)
            throws RemoteStorageException {
        try {
            for (Map.Entry<String, RequestBody> object : objects(segment, data).entrySet()) {
                bucket.put(object.getKey(), object.getValue());
                metrics.copiedBytes.add(object.getValue().optionalContentLength().orElse(0L));
            }
        } catch (RemoteStorageException | RuntimeException e) {
            // The broker has the segment deleted now and copied again under another id.
            metrics.failedCopies.increment();
            throw e instanceof RemoteStorageException known
                    ? known
                    : new RemoteStorageException("Copying " + segment.remoteLogSegmentId() + " failed", e);
        }
        metrics.copiedSegments.increment();
        return Optional.empty();
    }

    private Map<String, RequestBody> objects(RemoteLogSegmentMetadata segment, LogSegmentData data)
            throws RemoteStorageException {
        if (!segment.isTxnIdxEmpty() && data.transactionIndex().isEmpty()) {
            throw new RemoteStorageException("No transaction index came with " + segment.remoteLogSegmentId());
        }
        final Map<String, RequestBody> objects = new LinkedHashMap<>();
        objects.put(keys.index(segment, IndexType.OFFSET), file(data.offsetIndex()));
        objects.put(keys.index(segment, IndexType.TIMESTAMP), file(data.timeIndex()));
        objects.put(keys.index(segment, IndexType.PRODUCER_SNAPSHOT), file(data.producerSnapshotIndex()));
        objects.put(keys.index(segment, IndexType.LEADER_EPOCH), bytes(data.leaderEpochIndex()));
        data.transactionIndex()
                .ifPresent(path -> objects.put(keys.index(segment, IndexType.TRANSACTION), file(path)));
        objects.put(keys.log(segment), file(data.logSegment()));
        return objects;
    }

    private static RequestBody file(Path path) {
        try {
            if (!Files.isReadable(path)) {
                throw new NoSuchFileException(path.toString());
            }
            return RequestBody.fromFile(path);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static RequestBody bytes(ByteBuffer buffer) {
        return RequestBody.fromByteBuffer(buffer.duplicate());
    }

    @Override
    public InputStream fetchLogSegment(RemoteLogSegmentMetadata segment, int startPosition)
            throws RemoteStorageException {
        return fetchLogSegment(segment, startPosition, Integer.MAX_VALUE);
    }

    @Override
    public InputStream fetchLogSegment(RemoteLogSegmentMetadata segment, int startPosition, int endPosition)
            throws RemoteStorageException {
        if (startPosition < 0 || endPosition < startPosition) {
            throw new RemoteStorageException("No range: " + startPosition + " to " + endPosition);
        }
        final String key = keys.log(segment);
        final long end = Math.min(endPosition + 1L, segment.segmentSizeInBytes());
        try {
            return new RangedInputStream(
                    (from, to) -> bucket.get(key, from, to),
                    Math.min(startPosition, end),
                    end,
                    config.getInt(TierConfig.CHUNK_BYTES),
                    config.getInt(TierConfig.MAX_ATTEMPTS),
                    metrics);
        } catch (RemoteStorageException e) {
            metrics.failedFetches.increment();
            throw e;
        }
    }

    @Override
    public InputStream fetchIndex(RemoteLogSegmentMetadata segment, IndexType type) throws RemoteStorageException {
        final String key = keys.index(segment, type);
        if (type == IndexType.TRANSACTION && segment.isTxnIdxEmpty()) {
            throw new RemoteResourceNotFoundException("No transaction was aborted in " + segment.remoteLogSegmentId());
        }
        try {
            final byte[] index = bucket.get(key);
            metrics.fetches.increment();
            metrics.fetchedBytes.add(index.length);
            return new ByteArrayInputStream(index);
        } catch (RemoteResourceNotFoundException e) {
            metrics.failedFetches.increment();
            if (type == IndexType.TRANSACTION) {
                // Kafka takes "not found" for "nothing was aborted" and would hand aborted records to
                // read_committed consumers. This one was copied, so its loss must be seen.
                throw new RemoteStorageException("The transaction index " + key + " is gone", e);
            }
            throw e;
        } catch (RemoteStorageException e) {
            metrics.failedFetches.increment();
            throw e;
        }
    }

    @Override
    public void deleteLogSegmentData(RemoteLogSegmentMetadata segment) throws RemoteStorageException {
        try {
            for (String key : keys.all(segment)) {
                bucket.delete(key);
            }
        } catch (RemoteStorageException e) {
            metrics.failedDeletes.increment();
            throw e;
        }
        metrics.deletedSegments.increment();
    }

    @Override
    public void close() {
        if (metrics != null) {
            metrics.close();
        }
        if (bucket != null) {
            bucket.close();
        }
    }
}
