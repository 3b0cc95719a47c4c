package milepost.tier;

import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentMetadata;
import org.apache.kafka.server.log.remote.storage.RemoteStorageManager.IndexType;

/**
 * Names of a segment's objects: {@code
 * <prefix><topic>-<topic id>/<partition>/<base offset, 20 digits>-<segment id>.<suffix>}. The ids
 * make them unique over topics that were deleted and made anew and over repeated copies of one
 * segment; topic and offset are there for people, and list in order.
 */
final class SegmentKeys {
    private static final String LOG = "log";

    private final String prefix;

    SegmentKeys(String prefix) {
        this.prefix = prefix;
    }

    String log(RemoteLogSegmentMetadata segment) {
        return key(segment, LOG);
    }

    String index(RemoteLogSegmentMetadata segment, IndexType type) {
        return key(segment, suffix(type));
    }

    /** Every object that the segment can have, the log last. */
    List<String> all(RemoteLogSegmentMetadata segment) {
        return Stream.concat(
                        Stream.of(IndexType.values()).map(type -> index(segment, type)),
                        Stream.of(log(segment)))
                .toList();
    }

    private String key(RemoteLogSegmentMetadata segment, String suffix) {
        final TopicIdPartition partition = segment.remoteLogSegmentId().topicIdPartition();
        return String.format(
                Locale.ROOT,
                "%s%s-%s/%d/%020d-%s.%s",
                prefix,
                partition.topic(),
                partition.topicId(),
                partition.partition(),
                segment.startOffset(),
                segment.remoteLogSegmentId().id(),
                suffix);
    }

    /** The suffixes of the broker's own files, so that a segment can be recognised and put back. */
    private static String suffix(IndexType type) {
        return switch (type) {
            case OFFSET -> "index";
            case TIMESTAMP -> "timeindex";
            case PRODUCER_SNAPSHOT -> "snapshot";
            case TRANSACTION -> "txnindex";
            case LEADER_EPOCH -> "leader-epoch-checkpoint";
        };
    }
}
