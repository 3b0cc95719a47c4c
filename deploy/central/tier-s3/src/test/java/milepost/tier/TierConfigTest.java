package milepost.tier;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.config.ConfigException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TierConfigTest {
    private static final Map<String, String> GOOD = Map.of("s3.bucket", "history");

    @Test
    void aBucketIsEnough() {
        final TierConfig config = new TierConfig(GOOD);
        assertEquals(Optional.empty(), config.endpoint());
        assertEquals("", config.prefix());
        assertEquals(1 << 20, config.getInt(TierConfig.CHUNK_BYTES));
    }

    @Test
    void noBucketIsAnError() {
        final ConfigException e = assertThrows(ConfigException.class, () -> new TierConfig(Map.of()));
        assertTrue(e.getMessage().contains("s3.bucket"), e.getMessage());
    }

    @ParameterizedTest
    @CsvSource({
        "s3.bucket, ''",
        "s3.endpoint, localhost:9000",
        "s3.endpoint, ftp://localhost",
        "s3.endpoint, http://",
        "s3.endpoint, 'http://a b'",
        "s3.prefix, /kafka",
        "s3.prefix, a//b",
        "s3.access.key, half",
        "s3.secret.key, half",
        "s3.path.style, perhaps",
        "chunk.bytes, 0",
        "chunk.bytes, 1000000000",
        "max.attempts, 0",
        "max.connections, none",
        "connect.timeout.ms, 0",
        "socket.timeout.ms, -1",
    })
    void mistakesAreNamed(String key, String value) {
        final Map<String, String> values = new HashMap<>(GOOD);
        values.put(key, value);
        final ConfigException e = assertThrows(ConfigException.class, () -> new TierConfig(values));
        assertTrue(e.getMessage().contains(key), e.getMessage());
    }

    @Test
    void theSecretIsNotPrinted() {
        final Map<String, String> values = new HashMap<>(GOOD);
        values.put("s3.access.key", "key");
        values.put("s3.secret.key", "open sesame");
        final TierConfig config = new TierConfig(values);
        assertEquals("open sesame", config.secret(TierConfig.SECRET_KEY));
        assertFalse(config.values().toString().contains("sesame"));
    }
}
