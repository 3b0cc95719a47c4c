package milepost.tier;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Objects;
import org.apache.kafka.server.log.remote.storage.RemoteStorageException;
import software.amazon.awssdk.core.ResponseInputStream;

/**
 * A part of an object as a stream, fetched in chunks of a bounded size as it is read.
 *
 * <p>Kafka asks for everything from a position to the end of a segment, reads one fetch of it and
 * closes. One GET of all that would have the server send up to a gigabyte for nothing, or cost a
 * connection each time: HTTP has no other way to stop an answer than to hang up.
 */
final class RangedInputStream extends InputStream {
    /** Opens bytes {@code from} to {@code to}, both inclusive. */
    interface Opener {
        ResponseInputStream<?> open(long from, long to) throws RemoteStorageException;
    }

    private final Opener opener;
    private final int chunkBytes;
    private final TierMetrics metrics;
    /** Where the stream ends, exclusive. */
    private final long end;
    /** How often it may yet break off. */
    private int resumesLeft;
    private long position;
    private ResponseInputStream<?> body;
    /** Where the body ends, exclusive. */
    private long bodyEnd;
    private boolean closed;

    /** Opens the first chunk at once, so that a missing object is found before anything is read. */
    RangedInputStream(Opener opener, long from, long end, int chunkBytes, int maxAttempts, TierMetrics metrics)
            throws RemoteStorageException {
        this.opener = opener;
        this.position = from;
        this.end = end;
        this.chunkBytes = chunkBytes;
        this.resumesLeft = maxAttempts - 1;
        this.metrics = metrics;
        if (position < end) {
            openChunk();
        }
    }

    @Override
    public int read() throws IOException {
        final byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, buffer.length);
        if (closed) {
            throw new IOException("stream is closed");
        }
        if (length == 0) {
            return 0;
        }
        if (position == end) {
            return -1;
        }
        for (;;) {
            try {
                if (body == null) {
                    openChunk();
                }
                return readChunk(buffer, offset, length);
            } catch (RemoteStorageException e) {
                // The request was tried again already, with pauses, by the client.
                metrics.failedFetches.increment();
                throw new IOException(e);
            } catch (IOException e) {
                abort();
                if (resumesLeft-- == 0) {
                    metrics.failedFetches.increment();
                    throw e;
                }
                metrics.resumedFetches.increment();
            }
        }
    }

    private void openChunk() throws RemoteStorageException {
        final long chunkEnd = Math.min(position + chunkBytes, end);
        body = opener.open(position, chunkEnd - 1);
        bodyEnd = chunkEnd;
        metrics.fetches.increment();
    }

    private int readChunk(byte[] buffer, int offset, int length) throws IOException {
        final int count = body.read(buffer, offset, (int) Math.min(length, bodyEnd - position));
        if (count < 0) {
            throw new EOFException("object ended at " + position + ", expected " + bodyEnd + " bytes");
        }
        position += count;
        metrics.fetchedBytes.add(count);
        if (position == bodyEnd) {
            // Read to its end: closing gives the connection back for the next chunk.
            body.close();
            body = null;
        }
        return count;
    }

    /** What can be read without asking the server again. */
    @Override
    public int available() throws IOException {
        return body == null ? 0 : body.available();
    }

    /** Hangs up in the middle of a chunk; a plain close would read it to its end first. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        if (body != null) {
            metrics.abortedFetches.increment();
        }
        abort();
    }

    private void abort() {
        if (body != null) {
            body.abort();
            body = null;
        }
    }
}
