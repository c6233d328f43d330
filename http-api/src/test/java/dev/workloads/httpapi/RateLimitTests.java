package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RateLimitTests {

  @ParameterizedTest
  @CsvSource({"5, 5, 200, 1", "1, 1, 1000, 1", "0.5, 1, 2000, 2", "0.1, 1, 10000, 10", "1000, 1000, 1, 1"})
  void secondsWorthComesAtOnceAndThenOneByOne(double rate, int burst, int millis, int retryAfter) {
    AtomicLong clock = new AtomicLong(Long.MAX_VALUE - 1000); // it wraps around meanwhile
    RateLimit limit = new RateLimit(rate, clock::get);
    for (int round = 0; round < 3; round++) {
      for (int i = 0; i < burst; i++) {
        assertThat(limit.acquire()).isZero();
      }
      assertThat(limit.acquire()).isEqualTo(retryAfter);
      for (int i = 0; i < 10; i++) {
        clock.addAndGet(millis * 1_000_000L - 1);
        assertThat(limit.acquire()).isEqualTo(1);
        clock.addAndGet(1);
        assertThat(limit.acquire()).isZero();
        assertThat(limit.acquire()).isEqualTo(retryAfter);
      }
      clock.addAndGet(3600_000_000_000L); // what was not used is not kept
    }
  }
}
