package milepost.tier;

import java.lang.management.ManagementFactory;
import java.util.concurrent.atomic.LongAdder;
import javax.management.JMException;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The counters, and their place in JMX: {@code milepost.tier:type=S3,bucket="NAME"}. */
final class TierMetrics implements TierMetricsMXBean, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(TierMetrics.class);

    final LongAdder copiedSegments = new LongAdder();
    final LongAdder copiedBytes = new LongAdder();
    final LongAdder failedCopies = new LongAdder();
    final LongAdder fetches = new LongAdder();
    final LongAdder fetchedBytes = new LongAdder();
    final LongAdder failedFetches = new LongAdder();
    final LongAdder abortedFetches = new LongAdder();
    final LongAdder resumedFetches = new LongAdder();
    final LongAdder deletedSegments = new LongAdder();
    final LongAdder failedDeletes = new LongAdder();

    private final MBeanServer server = ManagementFactory.getPlatformMBeanServer();
    private ObjectName name;

    TierMetrics(String bucket) {
        try {
            final ObjectName wanted = new ObjectName("milepost.tier:type=S3,bucket=" + ObjectName.quote(bucket));
            server.registerMBean(this, wanted);
            name = wanted;
        } catch (JMException e) {
            // A second manager for one bucket in one JVM counts too, only unseen; it must not fail.
            LOG.warn("No metrics in JMX for bucket {}: {}", bucket, e.toString());
        }
    }

    @Override
    public void close() {
        if (name == null) {
            return;
        }
        try {
            server.unregisterMBean(name);
        } catch (JMException e) {
            LOG.debug("{} was not registered any more", name, e);
        }
        name = null;
    }

    @Override
    public long getCopiedSegments() {
        return copiedSegments.sum();
    }

    @Override
    public long getCopiedBytes() {
        return copiedBytes.sum();
    }

    @Override
    public long getFailedCopies() {
        return failedCopies.sum();
    }

    @Override
    public long getFetches() {
        return fetches.sum();
    }

    @Override
    public long getFetchedBytes() {
        return fetchedBytes.sum();
    }

    @Override
    public long getFailedFetches() {
        return failedFetches.sum();
    }

    @Override
    public long getAbortedFetches() {
        return abortedFetches.sum();
    }

    @Override
    public long getResumedFetches() {
        return resumedFetches.sum();
    }

    @Override
    public long getDeletedSegments() {
        return deletedSegments.sum();
    }

    @Override
    public long getFailedDeletes() {
        return failedDeletes.sum();
    }
}
