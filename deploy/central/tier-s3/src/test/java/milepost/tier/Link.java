package milepost.tier;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** The way to the S3 server: it counts what passes, and breaks when it is told to. */
final class Link implements AutoCloseable {
    private final ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    private final int target;
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    final AtomicInteger connections = new AtomicInteger();
    /** Bytes that came from the server. */
    final AtomicLong answered = new AtomicLong();
    /** How many of the next connections break; each after {@link #breakAfterBytes} of answers. */
    final AtomicInteger breaks = new AtomicInteger();
    volatile long breakAfterBytes = Long.MAX_VALUE;

    Link(int target) throws IOException {
        this.target = target;
        start("accept", this::accept);
    }

    int port() {
        return server.getLocalPort();
    }

    private void accept() {
        try {
            while (true) {
                final Socket client = server.accept();
                connections.incrementAndGet();
                final boolean broken = breaks.getAndUpdate(left -> Math.max(0, left - 1)) > 0;
                final Socket upstream = new Socket(InetAddress.getLoopbackAddress(), target);
                open.add(client);
                open.add(upstream);
                start("up", () -> pass(client, upstream, Long.MAX_VALUE, null));
                start("down", () -> pass(upstream, client, broken ? breakAfterBytes : Long.MAX_VALUE, answered));
            }
        } catch (IOException e) {
            // Closed: the test is over.
        }
    }

    private void pass(Socket from, Socket to, long limit, AtomicLong counter) {
        final byte[] buffer = new byte[8192];
        long left = limit;
        try (from; to) {
            final InputStream in = from.getInputStream();
            final OutputStream out = to.getOutputStream();
            while (left > 0) {
                final int count = in.read(buffer, 0, (int) Math.min(buffer.length, left));
                if (count < 0) {
                    break;
                }
                if (counter != null) {
                    counter.addAndGet(count);
                }
                out.write(buffer, 0, count);
                left -= count;
            }
        } catch (IOException e) {
            // One of the two hung up; closing both tells the other.
        }
        open.remove(from);
        open.remove(to);
    }

    private static void hangUp(Socket socket) {
        try {
            socket.close();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void start(String name, Runnable work) {
        final Thread thread = new Thread(work, "link-" + name);
        thread.setDaemon(true);
        thread.start();
    }

    int openConnections() {
        return open.size();
    }

    @Override
    public void close() throws IOException {
        server.close();
        open.forEach(Link::hangUp);
    }
}
