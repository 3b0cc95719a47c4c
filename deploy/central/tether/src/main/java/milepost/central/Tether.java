package milepost.central;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.util.Arrays;

/**
 * Runs another main class and ends with whoever started it: standard input is the tether. It reaches
 * its end when the parent closes it and also when the parent is killed with SIGKILL, since the
 * kernel closes it then. So no broker outlives the test that started it, and no process id is needed
 * to find it again.
 *
 * <p>Usage: {@code java milepost.central.Tether SECONDS MAIN-CLASS [ARGUMENT…]}, where SECONDS
 * bounds the time that an orderly shutdown may take.
 */
public final class Tether {
    private Tether() {}

    public static void main(String[] args) throws Throwable {
        final long graceMs = Long.parseLong(args[0]) * 1000;
        final Thread watch = new Thread(() -> watch(graceMs), "tether");
        watch.setDaemon(true);
        watch.start();
        try {
            Class.forName(args[1])
                    .getMethod("main", String[].class)
                    .invoke(null, (Object) Arrays.copyOfRange(args, 2, args.length));
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }

    private static void watch(long graceMs) {
        try {
            while (System.in.read() >= 0) {
                // Nothing is ever said over the tether.
            }
        } catch (IOException e) {
            // A tether that cannot be read has snapped as well.
        }
        final Thread halt = new Thread(() -> haltAfter(graceMs), "tether-halt");
        halt.setDaemon(true);
        halt.start();
        System.exit(0);
    }

    /** Shutdown hooks wait for locks and sockets; with nobody left to kill us they need a bound. */
    private static void haltAfter(long graceMs) {
        try {
            Thread.sleep(graceMs);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        Runtime.getRuntime().halt(1);
    }
}
