package dev.workloads.messaging.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.MessagingClient;
import dev.workloads.messaging.ReplySink;
import dev.workloads.messaging.annotation.NatsListener;
import dev.workloads.messaging.inprocess.InProcessTransport;
import dev.workloads.messaging.listener.ListenerSettings;
import dev.workloads.messaging.listener.MessageListenerContainer;
import dev.workloads.messaging.listener.MessageListenerRegistry;
import dev.workloads.messaging.testing.FailedStart;
import jakarta.validation.constraints.NotBlank;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.aopalliance.intercept.MethodInterceptor;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.aop.Advisor;
import org.springframework.aop.framework.autoproxy.DefaultAdvisorAutoProxyCreator;
import org.springframework.aop.support.DefaultPointcutAdvisor;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.context.PropertyPlaceholderAutoConfiguration;
import org.springframework.boot.test.context.assertj.AssertableApplicationContext;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Lazy;
import org.springframework.context.annotation.Scope;
import org.springframework.messaging.handler.annotation.Header;
import org.springframework.messaging.handler.annotation.Payload;
import org.springframework.messaging.handler.annotation.SendTo;
import org.springframework.messaging.simp.annotation.SendToUser;
import org.springframework.validation.annotation.Validated;

/** Which listeners an application has, with which settings, and what stops its start. */
class ListenerConfigurationTests {

  private final ApplicationContextRunner runner = new ApplicationContextRunner()
      .withConfiguration(AutoConfigurations.of(MessagingAutoConfiguration.class,
          PropertyPlaceholderAutoConfiguration.class))
      .withPropertyValues("messaging.transport=in-process", "spring.application.name=app");
  private final ApplicationContextRunner two = runner.withBean("one", BrokerMessageHandler.class, Handler::new)
      .withBean("other", BrokerMessageHandler.class, Handler::new);
  private final ApplicationContextRunner annotated = runner.withBean(Annotated.class);

  @Test
  void beansAreBoundByTheirNames() {
    two.withPropertyValues("messaging.listeners.one.subscriptions=a,b", "messaging.listeners.other.subscriptions=c",
        "messaging.listeners.other.consumer-group=broadcast").run(context -> {
          assertThat(settings(context)).extracting(ListenerSettings::id).containsExactly("one", "other");
          assertThat(settings(context)).extracting(ListenerSettings::subscriptions)
              .containsExactly(List.of("a", "b"), List.of("c"));
          assertThat(settings(context)).extracting(ListenerSettings::group).containsExactly("app", "broadcast");
          assertThat(answer(context, "b")).isEqualTo("b");
        });
  }

  @Test
  void beanThatNothingBindsStopsTheStart() {
    assertThat(FailedStart.report(two.withPropertyValues("messaging.listeners.one.subscriptions=a")))
        .contains("bean other cannot subscribe", "messaging.listeners.other.*");
  }

  @Test
  void subscriptionsForSeveralBeansStopTheStart() {
    assertThat(FailedStart.report(two.withPropertyValues("messaging.subscriptions=a")))
        .contains("messaging.subscriptions", "several", "messaging.listeners.<bean>.subscriptions", "one, other");
  }

  @Test
  void subscriptionsForMethodsOnlyStopTheStart() {
    assertThat(FailedStart.report(annotated.withPropertyValues("messaging.subscriptions=a")))
        .contains("messaging.subscriptions", "no BrokerMessageHandler bean");
  }

  @Test
  void nameThatNoListenerHasStopsTheStart() {
    assertThat(FailedStart.report(annotated.withPropertyValues("messaging.listeners.resise.max-in-flight=1")))
        .contains("messaging.listeners.resise", "No listener is called so; there is resizeImages");
  }

  @Test
  void propertyOverridesTheAnnotationAndThatTheDefaults() {
    annotated.withPropertyValues("messaging.max-in-flight=9", "messaging.queue-capacity=8").run(context ->
        assertThat(settings(context)).containsExactly(new ListenerSettings("resizeImages", List.of("resize"), "app", 4, 8,
            Duration.ofSeconds(25))));
    annotated.withPropertyValues("messaging.listeners.resize-images.max-in-flight=5",
        "messaging.listeners.resize-images.queue-capacity=0", "messaging.listeners.resize-images.subscriptions=x,y",
        "messaging.listeners.resize-images.consumer-group=g").run(context ->
        assertThat(settings(context)).containsExactly(new ListenerSettings("resizeImages", List.of("x", "y"), "g", 5, 0,
            Duration.ofSeconds(25))));
    annotated.withPropertyValues("messaging.listeners.RESIZEIMAGES.max-in-flight=6").run(context ->
        assertThat(settings(context)).extracting(ListenerSettings::maxInFlight).containsExactly(6));
  }

  @Test
  void valueOutOfRangeStopsTheStart() {
    assertThat(FailedStart.report(annotated.withPropertyValues("messaging.listeners.resize-images.max-in-flight=0")))
        .contains("Annotated.resizeImages", "max-in-flight must be at least 1");
  }

  @ParameterizedTest
  @ValueSource(strings = {"jobs.listens", "jobs.>", "jobs.*", "tasks.a,jobs.a"})
  void listenerOfDurableTasksStopsTheStart(String subjects) {
    for (String listener : List.of("one", "resize-images")) {
      for (String group : List.of("g", "broadcast")) {
        String prefix = "messaging.listeners." + listener;
        assertThat(FailedStart.report((listener.equals("one") ? two.withPropertyValues(
            "messaging.listeners.other.subscriptions=b") : annotated).withPropertyValues(
                prefix + ".subscriptions=" + subjects, prefix + ".consumer-group=" + group)))
            .contains("jobs.", "is for durable tasks", "messaging.durable.subscriptions");
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {">", "*.a", "jobs-dead.>", "$KV.CONFIG.>", "$JS.EVENT.>", "jobsearch.a"})
  void listenerThatHearsMoreThanTasksIsNoMistake(String subjects) {
    annotated.withPropertyValues("messaging.listeners.resize-images.subscriptions=" + subjects)
        .run(context -> assertThat(context).hasNotFailed());
  }

  @Test
  void disabledListenersAreNotMade() {
    annotated.withPropertyValues("messaging.listener.enabled=false")
        .run(context -> assertThat(context).hasNotFailed().doesNotHaveBean(MessageListenerRegistry.class));
  }

  @Test
  void listenersThatWouldTakeEachOthersMessagesStopTheStart() {
    assertThat(FailedStart.report(annotated.withBean(Overlapping.class)))
        .contains("resizeImages and all", "group app", "[resize] and [>]");
  }

  @Test
  void twoOfOneNameStopTheStart() {
    assertThat(FailedStart.report(annotated.withBean(SameName.class)))
        .contains("Two listeners are called resizeImages", "Annotated.resizeImages", "SameName.other", "another id");
  }

  @Test
  void methodsThatCannotBeCalledStopTheStart() {
    assertReport(PrivateMethod.class, "PrivateMethod.handle is private or static");
    assertReport(TwoBodies.class, "TwoBodies.handle has 2 parameters for one body", "@Header");
    assertReport(FutureResult.class, "FutureResult.handle returns a result that is still to come");
    assertReport(StreamResult.class, "StreamResult.handle returns a result that is still to come");
    assertReport(StreamAndSink.class, "StreamAndSink.handle does not say how it sends several replies", "ReplySink");
    assertReport(TwoSinks.class, "TwoSinks.handle does not say how");
    assertReport(SinkAndResult.class, "SinkAndResult.handle does not say how");
    assertReport(StreamOfDurations.class, "StreamOfDurations.handle needs JSON for Duration");
    assertReport(BroadcastStream.class, "Listener handle sends several replies, and it has no queue group");
    assertReport(StreamOfOddGroup.class, "its group \"a..b\" cannot be a part of a subject", "Give it a group");
    assertReport(CallableResult.class, "CallableResult.handle returns a result that is still to come");
    assertReport(HeldFuture.class, "HeldFuture.handle returns a result that is still to come");
    assertReport(SentElsewhere.class, "SentElsewhere.handle has @SendTo", "MessagingClient");
    assertReport(SentToUser.class, "SentToUser.handle has @SendToUser", "MessagingClient");
    assertReport(Expression.class, "Expression.handle has a @DestinationVariable or an expression", "BrokerMessage");
    assertReport(NeedsJson.class, "NeedsJson.handle needs JSON for Duration", "spring-boot-starter-jackson");
    assertReport(NeedsValidator.class, "NeedsValidator.handle asks for validation", "spring-boot-starter-validation");
    assertReport(NeedsBeanValidation.class, "NeedsBeanValidation.handle asks for validation",
        "spring-boot-starter-validation");
    assertReport(NeedsBeanValidationOfElements.class, "NeedsBeanValidationOfElements.handle asks for validation");
    assertReport(NoSubjects.class, "NoSubjects.handle cannot subscribe", "at least one subject",
        "messaging.listeners.handle.*");
    assertReport(BadSubject.class, "BadSubject.handle cannot subscribe", "a..b");
    assertReport(Prototype.class, "Prototype.handle belongs to the bean", "singleton");
  }

  @Test
  void annotationThatCannotBeResolvedStopsTheStart() {
    assertReport(UnknownSubject.class, "UnknownSubject.handle has", "${nope.subject}", "Could not resolve placeholder",
        "Set the property");
    assertReport(UnknownGroup.class, "UnknownGroup.handle has", "${nope.group}");
    assertReport(UnknownId.class, "UnknownId.handle has", "${nope.id}");
    assertReport(BadExpression.class, "BadExpression.handle has", "#{nope}");
    assertReport(MalformedExpression.class, "MalformedExpression.handle has", "#{1 +}");
    runner.withBean(KnownId.class).withPropertyValues("known.id=called").run(context ->
        assertThat(settings(context)).extracting(ListenerSettings::id).containsExactly("called"));
  }

  @Test
  void methodIsCalledThroughTheProxyOfItsBean() {
    runner.withBean(ThroughClassProxy.class).withUserConfiguration(Proxies.class).run(context -> {
      assertThat(context.getBean(ThroughClassProxy.class)).isInstanceOf(org.springframework.aop.framework.Advised.class);
      assertThat(answer(context, "proxied")).isEqualTo("advised handled");
    });
  }

  @Test
  void methodThatTheProxyHidesStopsTheStart() {
    assertThat(FailedStart.report(runner.withBean(BehindInterface.class).withUserConfiguration(Proxies.class)))
        .contains("BehindInterface.handle cannot be called through the proxy", "proxy-target-class");
  }

  @Test
  void allListenersShareTheRoomForBodies() {
    CountDownLatch handling = new CountDownLatch(1);
    CountDownLatch release = new CountDownLatch(1);
    runner.withBean("holding", BrokerMessageHandler.class, () -> message -> {
      handling.countDown();
      release.await();
      return null;
    }).withBean("other", BrokerMessageHandler.class, Handler::new).withPropertyValues("messaging.max-buffered=10B",
        "messaging.request.retry-window=0", "messaging.listeners.holding.subscriptions=a",
        "messaging.listeners.other.subscriptions=b").run(context -> {
          MessagingClient client = context.getBean(MessagingClient.class);
          client.publish("a", new byte[8]);
          handling.await();
          assertThat(client.request("b", new byte[2], Duration.ofSeconds(5)).text()).isEqualTo("b");
          assertThatThrownBy(() -> client.request("b", new byte[3], Duration.ofSeconds(5)))
              .hasMessage("worker is full");
          release.countDown();
        });
  }

  @Test
  void startThatFailsLeavesNoListenerRunning() {
    AtomicReference<MessageListenerRegistry> registry = new AtomicReference<>();
    two.withPropertyValues("messaging.listeners.one.subscriptions=a", "messaging.listeners.other.subscriptions=b",
        "messaging.discovery.enabled=false").withBean(MessageTransport.class, SecondSubscriptionFails::new)
        .withInitializer(context -> context.addBeanFactoryPostProcessor(beans -> beans.addBeanPostProcessor(
            new BeanPostProcessor() {

              @Override
              public Object postProcessAfterInitialization(Object bean, String name) {
                if (bean instanceof MessageListenerRegistry found) {
                  registry.set(found);
                }
                return bean;
              }
            })))
        .run(context -> {
          assertThat(context).hasFailed();
          assertThat(registry.get().containers()).noneMatch(MessageListenerContainer::isRunning);
        });
  }

  @Test
  void lazyBeanListens() {
    runner.withUserConfiguration(LazyListener.class).run(context -> assertThat(answer(context, "lazy")).isEqualTo("yes"));
  }

  private void assertReport(Class<?> listener, String... texts) {
    assertThat(FailedStart.report(runner.withUserConfiguration(listener))).contains(texts);
  }

  private static List<ListenerSettings> settings(AssertableApplicationContext context) {
    return context.getBean(MessageListenerRegistry.class).containers().stream().map(MessageListenerContainer::settings)
        .toList();
  }

  private static String answer(AssertableApplicationContext context, String subject) {
    return context.getBean(MessagingClient.class).request(BrokerMessage.of(subject, ""), Duration.ofSeconds(5)).text();
  }

  static final class SecondSubscriptionFails implements MessageTransport {

    private final InProcessTransport transport = new InProcessTransport();
    private int subscriptions;

    @Override
    public void publish(BrokerMessage message) {
      transport.publish(message);
    }

    @Override
    public BrokerMessage request(BrokerMessage message, Duration timeout) {
      return transport.request(message, timeout);
    }

    @Override
    public Subscription subscribe(List<String> patterns, @Nullable String group, SubscribeOptions options,
        Receiver receiver) {
      if (++subscriptions == 2) {
        throw new IllegalStateException("closed");
      }
      return transport.subscribe(patterns, group, options, receiver);
    }

    @Override
    public boolean isReady() {
      return transport.isReady();
    }

    @Override
    public void close() {
      transport.close();
    }
  }

  static final class Handler implements BrokerMessageHandler {

    @Override
    public BrokerMessage handle(BrokerMessage message) {
      return message.reply(message.subject());
    }
  }

  static class Annotated {

    @NatsListener(subjects = "resize", maxInFlight = 4)
    byte[] resizeImages(byte[] image) {
      return image;
    }
  }

  static class Overlapping {

    @NatsListener(subjects = ">")
    void all(byte[] body) {}
  }

  static class SameName {

    @NatsListener(id = "resize-images", subjects = "other")
    void other(byte[] body) {}
  }

  static class PrivateMethod {

    @NatsListener(subjects = "a")
    private void handle(byte[] body) {}
  }

  static class TwoBodies {

    @NatsListener(subjects = "a")
    void handle(String body, int width, @Header("Height") int height) {}
  }

  static class FutureResult {

    @NatsListener(subjects = "a")
    CompletableFuture<String> handle(String body) {
      return CompletableFuture.completedFuture(body);
    }
  }

  static class NeedsJson {

    @NatsListener(subjects = "a")
    void handle(Duration body) {}
  }

  static class UnknownSubject {

    @NatsListener(subjects = "${nope.subject}")
    void handle(String body) {}
  }

  static class UnknownGroup {

    @NatsListener(subjects = "a", group = "${nope.group}")
    void handle(String body) {}
  }

  static class UnknownId {

    @NatsListener(id = "${nope.id}", subjects = "a")
    void handle(String body) {}
  }

  static class KnownId {

    @NatsListener(id = "${known.id}", subjects = "a")
    void handle(String body) {}
  }

  static class BadExpression {

    @NatsListener(subjects = "#{nope}")
    void handle(String body) {}
  }

  static class MalformedExpression {

    @NatsListener(subjects = "#{1 +}")
    void handle(String body) {}
  }

  static class StreamResult {

    @NatsListener(subjects = "a")
    IntStream handle(String body) {
      return IntStream.of(1);
    }
  }

  static class StreamAndSink {

    @NatsListener(subjects = "a")
    Stream<String> handle(String body, ReplySink<String> replies) {
      return Stream.of(body);
    }
  }

  static class TwoSinks {

    @NatsListener(subjects = "a")
    void handle(ReplySink<String> replies, ReplySink<String> others) {}
  }

  static class SinkAndResult {

    @NatsListener(subjects = "a")
    String handle(ReplySink<String> replies) {
      return "";
    }
  }

  static class StreamOfDurations {

    @NatsListener(subjects = "a")
    Stream<Duration> handle(String body) {
      return Stream.of();
    }
  }

  static class BroadcastStream {

    @NatsListener(subjects = "a", group = NatsListener.BROADCAST)
    Stream<String> handle(String body) {
      return Stream.of(body);
    }
  }

  static class StreamOfOddGroup {

    @NatsListener(subjects = "a", group = "a..b")
    Stream<String> handle(String body) {
      return Stream.of(body);
    }
  }

  static class CallableResult {

    @NatsListener(subjects = "a")
    Callable<String> handle(String body) {
      return () -> body;
    }
  }

  static class HeldFuture {

    @NatsListener(subjects = "a")
    Optional<CompletableFuture<String>> handle(String body) {
      return Optional.empty();
    }
  }

  static class SentElsewhere {

    @SendTo("b")
    @NatsListener(subjects = "a")
    String handle(String body) {
      return body;
    }
  }

  @SendToUser
  static class SentToUser {

    @NatsListener(subjects = "a")
    String handle(String body) {
      return body;
    }
  }

  static class Expression {

    @NatsListener(subjects = "a")
    void handle(@Payload("title") String body) {}
  }

  static class NeedsBeanValidation {

    @NatsListener(subjects = "a")
    void handle(@NotBlank String body) {}
  }

  static class NeedsBeanValidationOfElements {

    @NatsListener(subjects = "a")
    void handle(Optional<@NotBlank String> body) {}
  }

  static class NeedsValidator {

    @NatsListener(subjects = "a")
    void handle(@Validated String body) {}
  }

  static class NoSubjects {

    @NatsListener
    void handle(String body) {}
  }

  static class BadSubject {

    @NatsListener(subjects = "a..b")
    void handle(String body) {}
  }

  @Scope("prototype")
  static class Prototype {

    @NatsListener(subjects = "a")
    void handle(String body) {}
  }

  static class ThroughClassProxy {

    private final String field = "handled"; // a proxy has none of its own

    @NatsListener(subjects = "proxied")
    String handle(String body) {
      return field;
    }
  }

  static class BehindInterface implements Runnable {

    @NatsListener(subjects = "hidden")
    public String handle(String body) {
      return body;
    }

    @Override
    public void run() {}
  }

  static class Proxies {

    @Bean
    static DefaultAdvisorAutoProxyCreator proxies() {
      return new DefaultAdvisorAutoProxyCreator();
    }

    @Bean
    static Advisor advisor() {
      DefaultPointcutAdvisor advisor = new DefaultPointcutAdvisor((MethodInterceptor) call ->
          call.getMethod().getName().equals("handle") ? "advised " + call.proceed() : call.proceed());
      advisor.setPointcut(new org.springframework.aop.support.StaticMethodMatcherPointcut() {

        @Override
        public boolean matches(java.lang.reflect.Method method, Class<?> type) {
          return type == ThroughClassProxy.class || type == BehindInterface.class;
        }
      });
      return advisor;
    }
  }

  static class LazyListener {

    @Bean
    @Lazy
    LazyMethods lazyMethods() {
      return new LazyMethods();
    }
  }

  static class LazyMethods {

    @NatsListener(subjects = "lazy")
    String lazy(String body) {
      return "yes";
    }
  }
}
