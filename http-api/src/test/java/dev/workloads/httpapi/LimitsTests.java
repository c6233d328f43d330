package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;
import org.springframework.util.unit.DataSize;

class LimitsTests {

  private static final int VIRTUAL = Integer.MAX_VALUE;

  @ParameterizedTest
  @CsvSource({
      "1MB, 12, 6, 131072",
      "48MB, 614, 307, 6291456",
      "88MB, 1126, 563, 11534336", // what the JVM says with 96 MB, without one survivor space
      "96MB, 1228, 614, 12582912",
      "256MB, 3276, 1638, 33554432",
      "640MB, 8192, 4096, 83886080",
      "8GB, 8192, 4096, 1073741824",
      "64GB, 8192, 4096, 2147483647"})
  void limitsFollowFromTheHeap(DataSize heap, int connections, int inFlight, int buffered) {
    assertThat(derive(heap, null, VIRTUAL, null, null)).isEqualTo(new Limits(connections, inFlight, buffered));
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "2, 1", "10, 9", "200, 180", "1000, 614"})
  void someThreadsStayFreeToRefuse(int threads, int inFlight) {
    assertThat(derive(DataSize.ofMegabytes(96), null, threads, null, null).maxInFlight()).isEqualTo(inFlight);
  }

  @ParameterizedTest
  @CsvSource({"2, 1", "3, 1", "20, 10", "1228, 614", "2000, 614", "100000, 614"})
  void connectionsThatAreSetStandAndBoundRequests(int connections, int inFlight) {
    assertThat(derive(DataSize.ofMegabytes(96), connections, VIRTUAL, null, null))
        .isEqualTo(new Limits(connections, inFlight, 12582912));
  }

  @Test
  void requestsAndBytesThatAreSetStand() {
    assertThat(derive(DataSize.ofMegabytes(96), 1001, 10, 1000, DataSize.ofKilobytes(64)))
        .isEqualTo(new Limits(1001, 1000, 65536));
    assertThat(derive(DataSize.ofMegabytes(96), null, VIRTUAL, 1227, DataSize.ofGigabytes(3)))
        .isEqualTo(new Limits(1228, 1227, Integer.MAX_VALUE));
  }

  @ParameterizedTest
  @CsvSource({
      "1000, 1000, which is 1000.",
      "1001, 1000, which is 1000.",
      "1228, , which is 1228 because the heap holds no more.",
      ", 1, which is 1.",
      ", 0, which is 0."})
  void settingsThatLeaveNoConnectionForARefusalStopTheStart(@Nullable Integer inFlight, @Nullable Integer connections,
      String reason) {
    assertThatExceptionOfType(InvalidConfigurationPropertyValueException.class)
        .isThrownBy(() -> derive(DataSize.ofMegabytes(96), connections, VIRTUAL, inFlight, null))
        .satisfies(failure -> {
          assertThat(failure.getName()).isEqualTo("task.max-in-flight");
          assertThat(failure.getReason())
              .isEqualTo("The value must be less than server.tomcat.max-connections, " + reason);
        });
  }

  private static Limits derive(DataSize heap, @Nullable Integer connections, int threads, @Nullable Integer inFlight,
      @Nullable DataSize buffered) {
    return Limits.derive(heap.toBytes(), connections, threads, new TaskProperties(Duration.ofSeconds(5),
        DataSize.ofMegabytes(8), Duration.ofSeconds(10), Duration.ofSeconds(10), inFlight, buffered, Duration.ofSeconds(1),
        List.of(), Map.of(), new TaskProperties.Page(false), new TaskProperties.Durable(false, Duration.ZERO, null),
        new TaskProperties.Stream(Duration.ofSeconds(30), Duration.ofMinutes(10))));
  }
}
