package milepost.tier;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import javax.management.ObjectName;
import org.apache.kafka.server.log.remote.storage.RemoteResourceNotFoundException;
import org.apache.kafka.server.log.remote.storage.RemoteStorageException;
import org.apache.kafka.server.log.remote.storage.RemoteStorageManager.IndexType;
import org.gaul.s3proxy.AuthenticationType;
import org.gaul.s3proxy.S3Proxy;
import org.gaul.s3proxy.nio2blob.FilesystemNio2BlobStore;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The plugin against the S3 server that central runs, over a link that can break. */
class S3RemoteStorageManagerTest {
    private static final int CHUNK = 64 * 1024;
    private static final int ATTEMPTS = 3;
    private static final String BUCKET = "history";

    @TempDir
    Path objects;

    @TempDir
    Path disk;

    private S3Proxy server;
    private Link link;
    private S3RemoteStorageManager tier;

    @BeforeEach
    void start() throws Exception {
        Files.createDirectory(objects.resolve(BUCKET));
        server = S3Proxy.builder()
                .blobStore(new FilesystemNio2BlobStore(objects.toString()))
                .endpoint(URI.create("http://127.0.0.1:0"))
                .awsAuthentication(AuthenticationType.AWS_V2_OR_V4, "key", "secret")
                .build();
        server.start();
        link = new Link(server.getPort());
        tier = tier(Map.of());
    }

    @AfterEach
    void stop() throws Exception {
        tier.close();
        link.close();
        server.stop();
    }

    private S3RemoteStorageManager tier(Map<String, String> changes) {
        final Map<String, String> values = new HashMap<>(Map.of(
                "s3.endpoint", "http://127.0.0.1:" + link.port(),
                "s3.bucket", BUCKET,
                "s3.prefix", "central/",
                "s3.path.style", "true",
                "s3.access.key", "key",
                "s3.secret.key", "secret",
                "chunk.bytes", String.valueOf(CHUNK),
                "max.attempts", String.valueOf(ATTEMPTS)));
        values.putAll(changes);
        final S3RemoteStorageManager made = new S3RemoteStorageManager();
        made.configure(values);
        return made;
    }

    private Segment copied(int bytes, boolean aborted) throws Exception {
        final Segment segment = Segment.write(disk, bytes, aborted);
        tier.copyLogSegmentData(segment.metadata(), segment.data());
        return segment;
    }

    private List<String> stored() throws IOException {
        try (Stream<Path> files = Files.walk(objects.resolve(BUCKET))) {
            return files.filter(Files::isRegularFile)
                    .map(file -> objects.resolve(BUCKET).relativize(file).toString())
                    .sorted()
                    .toList();
        }
    }

    private long metric(String name) throws Exception {
        return (Long) ManagementFactory.getPlatformMBeanServer()
                .getAttribute(new ObjectName("milepost.tier:type=S3,bucket=\"" + BUCKET + "\""), name);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, CHUNK - 1, CHUNK, CHUNK + 1, 5 * CHUNK + 7})
    void aSegmentComesBackByteForByte(int bytes) throws Exception {
        final Segment segment = copied(bytes, true);
        try (InputStream in = tier.fetchLogSegment(segment.metadata(), 0)) {
            assertArrayEquals(segment.log(), in.readAllBytes());
        }
        assertIndex(segment, IndexType.OFFSET, Files.readAllBytes(segment.data().offsetIndex()));
        assertIndex(segment, IndexType.TIMESTAMP, Files.readAllBytes(segment.data().timeIndex()));
        assertIndex(segment, IndexType.PRODUCER_SNAPSHOT, Files.readAllBytes(segment.data().producerSnapshotIndex()));
        assertIndex(segment, IndexType.LEADER_EPOCH, segment.leaderEpochs());
        assertIndex(segment, IndexType.TRANSACTION, Files.readAllBytes(segment.data().transactionIndex().orElseThrow()));
    }

    private void assertIndex(Segment segment, IndexType type, byte[] expected) throws Exception {
        try (InputStream in = tier.fetchIndex(segment.metadata(), type)) {
            assertArrayEquals(expected, in.readAllBytes(), type.toString());
        }
    }

    @Test
    void keysNamePartitionAndOffset() throws Exception {
        copied(100, true);
        final List<String> keys = stored();
        assertEquals(6, keys.size());
        for (String key : keys) {
            assertTrue(
                    key.matches("central/milepost\\.telemetry-[\\w-]{22}/2/00000000000000004711-[\\w-]{22}\\."
                            + "(log|index|timeindex|txnindex|snapshot|leader-epoch-checkpoint)"),
                    key);
        }
    }

    @Test
    void anyRangeWithBothEndsInside() throws Exception {
        final Segment segment = copied(3 * CHUNK, false);
        for (int[] range : new int[][] {{0, 0}, {0, CHUNK}, {CHUNK - 1, CHUNK}, {5, 3 * CHUNK}, {3 * CHUNK - 1, Integer.MAX_VALUE}}) {
            try (InputStream in = tier.fetchLogSegment(segment.metadata(), range[0], range[1])) {
                final int end = (int) Math.min(range[1] + 1L, 3 * CHUNK);
                assertArrayEquals(
                        Arrays.copyOfRange(segment.log(), range[0], end), in.readAllBytes(), Arrays.toString(range));
            }
        }
        try (InputStream in = tier.fetchLogSegment(segment.metadata(), 3 * CHUNK)) {
            assertEquals(-1, in.read());
        }
        assertThrows(RemoteStorageException.class, () -> tier.fetchLogSegment(segment.metadata(), 5, 4));
        assertThrows(RemoteStorageException.class, () -> tier.fetchLogSegment(segment.metadata(), -1));
    }

    @Test
    void chunksAreFetchedAsTheyAreRead() throws Exception {
        final Segment segment = copied(10 * CHUNK, false);
        final long before = metric("Fetches");
        try (InputStream in = tier.fetchLogSegment(segment.metadata(), 0)) {
            in.readNBytes(CHUNK + 1);
        }
        assertEquals(2, metric("Fetches") - before);
        assertEquals(1, metric("AbortedFetches"));
    }

    @Test
    @Timeout(60)
    void aStreamThatIsClosedEarlyHangsUp() throws Exception {
        final int bytes = 60 * 1024 * 1024;
        tier.close();
        tier = tier(Map.of("chunk.bytes", String.valueOf(bytes)));
        final Segment segment = copied(bytes, false);
        final long before = link.answered.get();
        final InputStream in = tier.fetchLogSegment(segment.metadata(), 0);
        in.read();
        in.close();
        in.close();
        // The only connection; once it has ended on both sides nothing more can come.
        while (link.openConnections() > 0) {
            Thread.sleep(10);
        }
        final long came = link.answered.get() - before;
        assertTrue(came < bytes / 2, came + " bytes were sent for one that was read");
        assertThrows(IOException.class, in::read);
    }

    /** The next connections break. None is open, whose end would count as one try more. */
    private void breakConnections(int count, long afterBytes) {
        tier.close();
        tier = tier(Map.of());
        link.breakAfterBytes = afterBytes;
        link.breaks.set(count);
    }

    @Test
    void aStreamThatBreaksOffGoesOnWhereItStopped() throws Exception {
        final Segment segment = copied(4 * CHUNK, false);
        breakConnections(ATTEMPTS - 1, CHUNK / 2);
        try (InputStream in = tier.fetchLogSegment(segment.metadata(), 0)) {
            assertArrayEquals(segment.log(), in.readAllBytes());
        }
        assertEquals(ATTEMPTS - 1, metric("ResumedFetches"));
    }

    @Test
    void aStreamThatBreaksOffAgainAndAgainIsGivenUp() throws Exception {
        final Segment segment = copied(4 * CHUNK, false);
        breakConnections(1000, CHUNK / 2);
        final int before = link.connections.get();
        try (InputStream in = tier.fetchLogSegment(segment.metadata(), 0)) {
            assertThrows(IOException.class, in::readAllBytes);
        }
        assertEquals(ATTEMPTS, link.connections.get() - before);
        assertEquals(1, metric("FailedFetches"));
    }

    @Test
    void aServerThatIsNotThereIsAskedABoundedNumberOfTimes() throws Exception {
        final Segment segment = copied(100, true);
        breakConnections(1000, 0);
        final int before = link.connections.get();
        final RemoteStorageException e = assertThrows(
                RemoteStorageException.class, () -> tier.fetchIndex(segment.metadata(), IndexType.TRANSACTION));
        assertFalse(e instanceof RemoteResourceNotFoundException, "must not pass for 'nothing was aborted'");
        assertEquals(ATTEMPTS, link.connections.get() - before);
    }

    @Test
    void withoutAbortedTransactionsThereIsNoTransactionIndex() throws Exception {
        final Segment segment = copied(100, false);
        assertThrows(
                RemoteResourceNotFoundException.class,
                () -> tier.fetchIndex(segment.metadata(), IndexType.TRANSACTION));
        assertEquals(5, stored().size());
    }

    @Test
    void aTransactionIndexThatIsLostIsNoEmptyOne() throws Exception {
        final Segment segment = copied(100, true);
        for (String key : stored()) {
            if (key.endsWith(".txnindex")) {
                Files.delete(objects.resolve(BUCKET).resolve(key));
            }
        }
        final RemoteStorageException e = assertThrows(
                RemoteStorageException.class, () -> tier.fetchIndex(segment.metadata(), IndexType.TRANSACTION));
        assertFalse(e instanceof RemoteResourceNotFoundException, e.toString());
    }

    @ParameterizedTest
    @EnumSource(value = IndexType.class, names = "TRANSACTION", mode = EnumSource.Mode.EXCLUDE)
    void aSegmentThatIsNotThereIsNotFound(IndexType type) throws Exception {
        final Segment segment = Segment.write(disk, 100, true);
        assertThrows(RemoteResourceNotFoundException.class, () -> tier.fetchLogSegment(segment.metadata(), 0));
        assertThrows(RemoteResourceNotFoundException.class, () -> tier.fetchIndex(segment.metadata(), type));
    }

    @Test
    void aBucketThatIsNotThereIsAnotherError() throws Exception {
        final Segment segment = Segment.write(disk, 100, true);
        try (S3RemoteStorageManager lost = tier(Map.of("s3.bucket", "nowhere"))) {
            final RemoteStorageException e = assertThrows(
                    RemoteStorageException.class, () -> lost.fetchIndex(segment.metadata(), IndexType.OFFSET));
            assertFalse(e instanceof RemoteResourceNotFoundException, e.toString());
        }
    }

    @Test
    void aCopyMayBeRepeated() throws Exception {
        final Segment segment = copied(CHUNK, true);
        tier.copyLogSegmentData(segment.metadata(), segment.data());
        assertEquals(6, stored().size());
        assertIndex(segment, IndexType.LEADER_EPOCH, segment.leaderEpochs());
        assertEquals(2, metric("CopiedSegments"));
    }

    @Test
    void aCopyThatFailsLeavesNoLog() throws Exception {
        final Segment segment = Segment.write(disk, CHUNK, true);
        Files.delete(segment.data().logSegment());
        final RemoteStorageException e = assertThrows(
                RemoteStorageException.class, () -> tier.copyLogSegmentData(segment.metadata(), segment.data()));
        assertInstanceOf(java.io.UncheckedIOException.class, e.getCause());
        assertEquals(List.of(), stored().stream().filter(key -> key.endsWith(".log")).toList());
        assertEquals(1, metric("FailedCopies"));
        assertEquals(0, metric("CopiedSegments"));
    }

    @Test
    void deletesMayBeRepeated() throws Exception {
        final Segment segment = copied(100, true);
        final Segment other = Segment.write(Files.createDirectory(disk.resolve("other")), 100, false);
        tier.copyLogSegmentData(other.metadata(), other.data());
        tier.deleteLogSegmentData(segment.metadata());
        assertEquals(5, stored().size());
        tier.deleteLogSegmentData(segment.metadata());
        assertEquals(5, stored().size());
        assertThrows(RemoteResourceNotFoundException.class, () -> tier.fetchLogSegment(segment.metadata(), 0));
        tier.fetchLogSegment(other.metadata(), 0).close();
    }

    @Test
    void wrongKeysAreRefusedAndSayWhere() throws Exception {
        final Segment segment = copied(100, true);
        try (S3RemoteStorageManager stranger = tier(Map.of("s3.secret.key", "wrong"))) {
            final RemoteStorageException e = assertThrows(
                    RemoteStorageException.class, () -> stranger.fetchLogSegment(segment.metadata(), 0));
            assertTrue(e.getMessage().startsWith("GET s3://history/central/milepost.telemetry-"), e.getMessage());
        }
    }
}
