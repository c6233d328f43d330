package dev.workloads.messaging.observation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.workloads.messaging.BodyConverter;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.MessageRejectedException;
import dev.workloads.messaging.MessagingClient;
import dev.workloads.messaging.autoconfigure.MessagingAutoConfiguration;
import dev.workloads.messaging.autoconfigure.MessagingMetricsAutoConfiguration;
import dev.workloads.messaging.inprocess.InProcessTransport;
import dev.workloads.messaging.listener.Listener;
import dev.workloads.messaging.listener.ListenerSettings;
import dev.workloads.messaging.listener.MessageListenerContainer;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.observation.DefaultMeterObservationHandler;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationConvention;
import io.micrometer.observation.ObservationHandler;
import io.micrometer.observation.ObservationRegistry;
import io.micrometer.observation.transport.Kind;
import io.micrometer.observation.transport.ReceiverContext;
import io.micrometer.observation.transport.SenderContext;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

@ExtendWith(OutputCaptureExtension.class)
class ObservationTests {

  private static final Duration TIMEOUT = Duration.ofSeconds(5);

  private static final AutoConfigurations METRICS =
      AutoConfigurations.of(MessagingAutoConfiguration.class, MessagingMetricsAutoConfiguration.class);

  private final ApplicationContextRunner runner = new ApplicationContextRunner().withConfiguration(METRICS)
      .withUserConfiguration(Worker.class)
      .withPropertyValues("messaging.transport=in-process", "messaging.subscriptions=tasks.*",
          "spring.application.name=worker");

  @Test
  void requestsAndTheirProcessingAreTimedByOutcome() {
    runner.run(context -> {
      MessagingClient client = context.getBean(MessagingClient.class);
      MeterRegistry meters = context.getBean(MeterRegistry.class);

      client.request(BrokerMessage.of("tasks.echo", "x"), TIMEOUT);
      assertThatThrownBy(() -> client.request("tasks.fail", new byte[0], TIMEOUT)).hasMessage("no");
      assertThatThrownBy(() -> client.request("nobody", new byte[0], TIMEOUT)).hasMessageContaining("nobody");

      assertThat(timers(meters, "messaging.request")).containsExactlyInAnyOrder(
          "durable=false,error=none,outcome=success,reason=none: 1", "durable=false,error=BrokerException,outcome=error,reason=handler-rejected: 1",
          "durable=false,error=BrokerException,outcome=error,reason=no-responders: 1");
      Awaitility.await().untilAsserted(() -> assertThat(timers(meters, "messaging.process")).containsExactlyInAnyOrder(
          "durable=false,error=none,group=worker,listener=handler,outcome=success: 1",
          "durable=false,error=MessageRejectedException,group=worker,listener=handler,outcome=error: 1"));
    });
  }

  @Test
  void requestsAndTheirProcessingAreTimedByTheNamesOfOpenTelemetryWhereWanted() {
    String tags = "error.type=%s,messaging.operation.name=%s,messaging.system=nats: 1";
    runner.withPropertyValues("messaging.otel-metrics=true").run(context -> {
      MessagingClient client = context.getBean(MessagingClient.class);
      MeterRegistry meters = context.getBean(MeterRegistry.class);

      client.request(BrokerMessage.of("tasks.echo", "x"), TIMEOUT);
      assertThatThrownBy(() -> client.request("tasks.fail", new byte[0], TIMEOUT)).hasMessage("no");

      assertThat(timers(meters, "messaging.client.operation.duration")).containsExactlyInAnyOrder(
          tags.formatted("none", "send"), tags.formatted("handler-rejected", "send"));
      Awaitility.await().untilAsserted(() -> assertThat(timers(meters, "messaging.process.duration"))
          .containsExactlyInAnyOrder(tags.formatted("none", "process"),
              tags.formatted(MessageRejectedException.class.getName(), "process")));
      assertThat(timers(meters, "messaging.request")).hasSize(2);
    });
  }

  @Test
  void namesOfOpenTelemetryNeedAPropertyAndAMeterRegistry() {
    runner.run(context -> assertThat(context).doesNotHaveBean("otelMetrics"));
    new ApplicationContextRunner().withConfiguration(METRICS)
        .withPropertyValues("messaging.transport=in-process", "messaging.otel-metrics=true")
        .run(context -> assertThat(context).hasNotFailed().doesNotHaveBean("otelMetrics"));
  }

  @Test
  void durableTasksAreTimedApart() throws Exception {
    MeterRegistry meters = new SimpleMeterRegistry();
    InProcessTransport transport = new InProcessTransport();
    BrokerMessage job = BrokerMessage.of("jobs.echo", "x");
    BrokerMessageHandler echo = message -> message;

    MessagingObservations.ofRequests(timed(meters), new RequestObservationConvention(), transport).apply(echo).handle(job);
    MessagingObservations.ofProcessing(timed(meters), new ProcessObservationConvention(), transport, "echo", "worker")
        .apply(echo).handle(job);

    assertThat(timers(meters, "messaging.request")).containsExactly("durable=true,error=none,outcome=success,reason=none: 1");
    assertThat(timers(meters, "messaging.process"))
        .containsExactly("durable=true,error=none,group=worker,listener=echo,outcome=success: 1");
  }

  @Test
  void spansFollowTheConventionsForMessaging() {
    runner.run(context -> {
      MessagingClient client = context.getBean(MessagingClient.class);

      client.request(BrokerMessage.of("tasks.echo", "x"), TIMEOUT);
      assertThatThrownBy(() -> client.request("tasks.fail", new byte[0], TIMEOUT)).hasMessage("no");

      String send = "messaging.operation.name=send,messaging.operation.type=send,messaging.system=nats";
      String process = "messaging.consumer.group.name=worker,messaging.destination.name=tasks.%s,"
          + "messaging.operation.name=process,messaging.operation.type=process,messaging.system=nats";
      Awaitility.await().untilAsserted(() -> assertThat(context.getBean(Propagation.class).spans)
          .containsExactlyInAnyOrder(
              "send tasks.echo PRODUCER messaging.destination.name=tasks.echo," + send,
              "process tasks.echo CONSUMER " + process.formatted("echo"),
              "send tasks.fail PRODUCER error.type=handler-rejected,messaging.destination.name=tasks.fail," + send,
              "process tasks.fail CONSUMER error.type=" + MessageRejectedException.class.getName() + ","
                  + process.formatted("fail")));
    });
  }

  @Test
  void traceIsHandedOnInTheHeaders() {
    runner.run(context -> {
      context.getBean(MessagingClient.class).request(BrokerMessage.of("tasks.echo", "x"), TIMEOUT);

      assertThat(context.getBean(Propagation.class).received).containsExactly("the trace");
    });
  }

  @Test
  void conventionsCanBeReplaced() {
    runner.withBean(RequestObservationConvention.class, () -> new RequestObservationConvention() {
      @Override
      public String getName() {
        return "my.requests";
      }
    }).run(context -> {
      context.getBean(MessagingClient.class).request(BrokerMessage.of("tasks.echo", "x"), TIMEOUT);

      assertThat(timers(context.getBean(MeterRegistry.class), "my.requests")).hasSize(1);
    });
  }

  @ParameterizedTest
  @CsvSource({"getName,0", "supportsContext,0", "getLowCardinalityKeyValues,0", "getHighCardinalityKeyValues,0",
      "getLowCardinalityKeyValues,1", "getHighCardinalityKeyValues,1", "getContextualName,0"})
  void conventionThatFailsChangesNothingForTheRequester(String method, int goodCalls, CapturedOutput output) {
    ObservationConvention<RequestObservationContext> requests =
        broken(new RequestObservationConvention(), method, goodCalls);
    ObservationConvention<ProcessObservationContext> processing =
        broken(new ProcessObservationConvention(), method, goodCalls);
    InProcessTransport transport = new InProcessTransport();
    assertAnswers(MessagingObservations.ofRequests(timed(new SimpleMeterRegistry()), requests, transport), UnaryOperator.identity());
    assertThat(output.getOut()).containsOnlyOnce("An observation failed");
    assertAnswers(UnaryOperator.identity(),
        MessagingObservations.ofProcessing(timed(new SimpleMeterRegistry()), processing, transport, "test", "group"));
    assertThat(output.getOut().split("An observation failed; the message is processed all the same", -1)).hasSize(3);
  }

  private static void assertAnswers(UnaryOperator<BrokerMessageHandler> aroundRequests,
      UnaryOperator<BrokerMessageHandler> aroundProcessing) {
    InProcessTransport transport = new InProcessTransport();
    MessageListenerContainer container = new MessageListenerContainer(transport,
        new Listener(message -> message.reply(message.body()),
            new ListenerSettings("test", List.of("tasks.>"), "group", 1, 1, TIMEOUT), aroundProcessing),
        new Semaphore(Integer.MAX_VALUE), Thread::new);
    container.start();
    MessagingClient client = new MessagingClient(transport, Duration.ZERO, BodyConverter.plain(), aroundRequests);
    assertThat(client.request(BrokerMessage.of("tasks.echo", "x"), TIMEOUT).text()).isEqualTo("x");
    container.stop();
  }

  private static ObservationRegistry timed(MeterRegistry meters) {
    ObservationRegistry registry = ObservationRegistry.create();
    registry.observationConfig().observationHandler(new DefaultMeterObservationHandler(meters));
    return registry;
  }

  /** Returns the convention with a method that throws after so many calls. */
  @SuppressWarnings("unchecked")
  private static <C extends Observation.Context> ObservationConvention<C> broken(ObservationConvention<C> convention,
      String broken, int goodCalls) {
    AtomicInteger calls = new AtomicInteger();
    return (ObservationConvention<C>) Proxy.newProxyInstance(convention.getClass().getClassLoader(),
        new Class<?>[] {ObservationConvention.class}, (proxy, method, arguments) -> {
          if (method.getName().equals(broken) && calls.getAndIncrement() >= goodCalls) {
            throw new IllegalStateException("broken convention");
          }
          return method.invoke(convention, arguments);
        });
  }

  private static List<String> timers(MeterRegistry meters, String name) {
    return meters.find(name).timers().stream().map(ObservationTests::describe).toList();
  }

  private static String describe(Timer timer) {
    return timer.getId().getTags().stream().map(ObservationTests::describe).collect(Collectors.joining(","))
        + ": " + timer.count();
  }

  private static String describe(Tag tag) {
    return tag.getKey() + "=" + tag.getValue();
  }

  @Configuration(proxyBeanMethods = false)
  static class Worker {

    @Bean
    MeterRegistry meters() {
      return new SimpleMeterRegistry();
    }

    @Bean
    Propagation propagation() {
      return new Propagation();
    }

    @Bean
    ObservationRegistry observations(MeterRegistry meters, List<ObservationHandler<?>> handlers) {
      ObservationRegistry registry = timed(meters);
      handlers.forEach(registry.observationConfig()::observationHandler);
      return registry;
    }

    @Bean
    BrokerMessageHandler handler() {
      return message -> {
        if (message.subject().equals("tasks.fail")) {
          throw new MessageRejectedException("no");
        }
        return message.reply(message.body());
      };
    }
  }

  /** Stands for a tracer: writes a header on one side, reads it on the other, and knows each span that has ended. */
  static class Propagation implements ObservationHandler<Observation.Context> {

    final Queue<String> received = new ConcurrentLinkedQueue<>();
    final Queue<String> spans = new ConcurrentLinkedQueue<>();

    @Override
    @SuppressWarnings("unchecked")
    public void onStart(Observation.Context context) {
      if (context instanceof SenderContext<?> sender) {
        ((SenderContext<Object>) sender).getSetter().set(sender.getCarrier(), "traceparent", "the trace");
      } else if (context instanceof ReceiverContext<?> receiver) {
        received.add(((ReceiverContext<BrokerMessage>) receiver).getGetter()
            .get((BrokerMessage) receiver.getCarrier(), "traceparent"));
      }
    }

    @Override
    public void onStop(Observation.Context context) {
      Kind kind = context instanceof SenderContext<?> sender
          ? sender.getKind() : ((ReceiverContext<?>) context).getKind();
      spans.add(context.getContextualName() + " " + kind + " " + context.getHighCardinalityKeyValues().stream()
          .map(attribute -> attribute.getKey() + "=" + attribute.getValue()).collect(Collectors.joining(",")));
    }

    @Override
    public boolean supportsContext(Observation.Context context) {
      return true;
    }
  }
}
