package dev.workloads.messaging.autoconfigure;

import dev.workloads.messaging.observation.ProcessObservationContext;
import dev.workloads.messaging.observation.RequestObservationContext;
import io.micrometer.common.KeyValue;
import io.micrometer.core.instrument.Meter.MeterProvider;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Timer;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationHandler;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;

/** Times requests and handlers by the names of OpenTelemetry's conventions for messaging. Thread-safe. */
final class OtelMetrics implements ObservationHandler<Observation.Context> {

  /** Attributes of the spans whose values are few; the subject, which a caller may choose, is none of them. */
  private static final List<String> TAGS = List.of("messaging.system", "messaging.operation.name", "error.type");

  private final MeterRegistry registry;
  private final MeterProvider<Timer> requests;
  private final MeterProvider<Timer> processing;

  OtelMetrics(MeterRegistry registry) {
    this.registry = registry;
    requests = timers("messaging.client.operation.duration", "Requests until their reply or failure");
    processing = timers("messaging.process.duration", "Messages while they were being handled");
  }

  private MeterProvider<Timer> timers(String name, String description) {
    return Timer.builder(name).description(description).serviceLevelObjectives( // the buckets of the conventions
        Stream.of(5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000)
            .map(Duration::ofMillis).toArray(Duration[]::new)).withRegistry(registry);
  }

  @Override
  public void onStart(Observation.Context context) {
    context.put(OtelMetrics.class, Timer.start(registry));
  }

  @Override
  public void onStop(Observation.Context context) {
    Timer.Sample sample = context.getRequired(OtelMetrics.class);
    sample.stop((context instanceof ProcessObservationContext ? processing : requests)
        .withTags(TAGS.stream().map(key -> tag(context, key)).toList()));
  }

  // Without an error there is a tag too: Prometheus drops a series whose tags differ from the first one's of its name
  private static Tag tag(Observation.Context context, String key) {
    KeyValue attribute = context.getHighCardinalityKeyValue(key);
    return Tag.of(key, attribute == null ? KeyValue.NONE_VALUE : attribute.getValue());
  }

  @Override
  public boolean supportsContext(Observation.Context context) {
    return context instanceof ProcessObservationContext || context instanceof RequestObservationContext;
  }
}
