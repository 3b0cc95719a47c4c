package milepost.tier;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.server.log.remote.storage.LogSegmentData;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentId;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentMetadata;

/** A closed segment on a broker's disk: files of random bytes, as the tier sees them. */
record Segment(RemoteLogSegmentMetadata metadata, LogSegmentData data, byte[] log, byte[] leaderEpochs) {
    static Segment write(Path folder, int bytes, boolean aborted) throws IOException {
        final Random random = new Random(bytes);
        final byte[] log = random(random, bytes);
        final byte[] leaderEpochs = "0\n1\n0 4711\n".getBytes(java.nio.charset.StandardCharsets.US_ASCII);
        final LogSegmentData data = new LogSegmentData(
                Files.write(folder.resolve("4711.log"), log),
                Files.write(folder.resolve("4711.index"), random(random, 800)),
                Files.write(folder.resolve("4711.timeindex"), random(random, 1200)),
                aborted
                        ? Optional.of(Files.write(folder.resolve("4711.txnindex"), random(random, 34)))
                        : Optional.empty(),
                Files.write(folder.resolve("4711.snapshot"), random(random, 60)),
                ByteBuffer.wrap(leaderEpochs));
        final TopicIdPartition partition =
                new TopicIdPartition(Uuid.randomUuid(), new TopicPartition("milepost.telemetry", 2));
        final RemoteLogSegmentMetadata metadata = new RemoteLogSegmentMetadata(
                new RemoteLogSegmentId(partition, Uuid.randomUuid()),
                4711,
                5711,
                1,
                1,
                1,
                bytes,
                Map.of(0, 4711L),
                !aborted);
        return new Segment(metadata, data, log, leaderEpochs);
    }

    private static byte[] random(Random random, int bytes) {
        final byte[] made = new byte[bytes];
        random.nextBytes(made);
        return made;
    }
}
