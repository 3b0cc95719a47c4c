package milepost.tier;

/** Counters since the broker's start, as JMX shows them. */
public interface TierMetricsMXBean {
    long getCopiedSegments();

    long getCopiedBytes();

    long getFailedCopies();

    /** GET requests for segments and indexes. */
    long getFetches();

    long getFetchedBytes();

    long getFailedFetches();

    /** Streams that were closed before their end, so that the rest was never sent. */
    long getAbortedFetches();

    /** Streams that broke off in the middle and were taken up again where they had stopped. */
    long getResumedFetches();

    long getDeletedSegments();

    long getFailedDeletes();
}
