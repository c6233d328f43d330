package dev.workloads.messaging.annotation;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageRejectedException;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.MessagingClient;
import dev.workloads.messaging.ReplySink;
import dev.workloads.messaging.ReplyStream;
import dev.workloads.messaging.StreamTimeouts;
import dev.workloads.messaging.autoconfigure.MessagingAutoConfiguration;
import dev.workloads.messaging.test.NatsServer;
import java.io.Serializable;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.MethodParameter;
import org.springframework.messaging.Message;
import org.springframework.messaging.MessageHeaders;
import org.springframework.messaging.handler.annotation.Header;
import org.springframework.messaging.handler.annotation.Headers;
import org.springframework.messaging.handler.annotation.Payload;
import org.springframework.messaging.handler.invocation.HandlerMethodArgumentResolver;
import org.springframework.validation.Errors;
import org.springframework.validation.Validator;
import org.springframework.validation.annotation.Validated;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** What methods get, and what callers get from them: on both transports, on platform and on virtual threads. */
@ParameterizedClass
@CsvSource({"in-process,false", "in-process,true", "nats,false", "nats,true"})
class NatsListenerTests {

  private static final Duration TIMEOUT = Duration.ofSeconds(5);

  private static NatsServer nats;
  private static ConfigurableApplicationContext context;

  @Parameter(0)
  String transport;

  @Parameter(1)
  boolean virtual;

  @BeforeAll
  static void startNats() {
    nats = NatsServer.start();
  }

  @AfterAll
  static void stopNats() {
    nats.close();
  }

  @BeforeParameterizedClassInvocation
  static void start(String transport, boolean virtual) {
    context = new SpringApplicationBuilder(Worker.class).web(WebApplicationType.NONE).run(
        "--spring.application.name=worker", "--messaging.transport=" + transport,
        "--messaging.nats.servers=" + nats.url(), "--spring.threads.virtual.enabled=" + virtual,
        "--subjects=a.placeholder, b.placeholder", "--spring.main.lazy-initialization=true");
    Awaitility.await().until(() -> context.getBean(MessageTransport.class).isReady());
  }

  @AfterParameterizedClassInvocation
  static void stop() {
    context.close();
  }

  private static MessagingClient client() {
    return context.getBean(MessagingClient.class);
  }

  private static BrokerMessage request(BrokerMessage message) {
    return client().request(message, TIMEOUT);
  }

  private static BrokerException failure(BrokerMessage message) {
    return catchThrowableOfType(BrokerException.class, () -> request(message));
  }

  @Test
  void bytesAreGivenAsTheyAreAndRepliedWithoutAType() {
    BrokerMessage reply = request(new BrokerMessage("bytes", new byte[] {1, (byte) 0xFF, 3}));

    assertThat(reply.body()).containsExactly(3, 0xFF, 1);
    assertThat(reply.header("Content-Type")).isNull();
    assertThat(request(new BrokerMessage("bytes", new byte[0])).body()).isEmpty();
  }

  @Test
  void textIsUtf8() {
    BrokerMessage reply = request(BrokerMessage.of("text", "Grüße"));

    assertThat(reply.text()).isEqualTo("GRÜSSE");
    assertThat(reply.header("Content-Type")).isEqualTo("text/plain;charset=UTF-8");
    assertThat(request(new BrokerMessage("text", new byte[0])).body()).isEmpty();
    assertThat(failure(new BrokerMessage("text", new byte[] {(byte) 0xFF})))
        .hasMessage("failed to decode body: not valid UTF-8").extracting(BrokerException::code).isEqualTo(400);
  }

  @Test
  void recordsAreJsonBothWaysWhateverTheHeadersSay() {
    BrokerMessage reply = request(BrokerMessage.of("record", "{\"title\":\"T\",\"words\":3}")
        .withHeader("Content-Type", "text/plain").withHeader("contentType", "image/png").withHeader("id", "1"));

    assertThat(reply.text()).isEqualTo("{\"summary\":\"T: 3\"}");
    assertThat(reply.header("Content-Type")).isEqualTo("application/json");
    assertThat(client().request("record", new Article("Ü", 4), Summary.class, TIMEOUT)).isEqualTo(new Summary("Ü: 4"));
  }

  @Test
  void genericTypesAreReadAsDeclared() {
    assertThat(request(BrokerMessage.of("list", "[{\"title\":\"A\",\"words\":1},{\"title\":\"B\",\"words\":2}]")).text())
        .isEqualTo("A,B");
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
      "{\"title\":\"T\",\"words\":\"many\"} | failed to decode body: member \"words\" must be a whole number",
      "{\"title\":\"T\",\"words\":[]} | failed to decode body: member \"words\" must be a whole number",
      "{\"title\":\"T\",\"words\":null} | failed to decode body: member \"words\" must not be null",
      "{\"title\":\"T\",\"words\":99999999999} | failed to decode body: member \"words\" is out of range",
      "{\"title\":\"T\"} | failed to decode body: member \"words\" is missing",
      "{\"title\":{},\"words\":1} | failed to decode body: member \"title\" must be text",
      "[] | failed to decode body: it is of the wrong type",
      "null | failed to decode body: it is null",
      "{\"title\" | failed to decode body: not valid JSON (line 1, column 9)",
      "{\"title\":\"\",\"words\":3} | invalid body: title must not be blank",
      "' ' | failed to decode body: it is missing",
      "'' | failed to decode body: it is empty"})
  void bodyThatDoesNotFitIsRejectedByTheNameOfTheMember(String body, String text) {
    BrokerException failure = failure(BrokerMessage.of("record", body));

    assertThat(failure).hasMessage(text);
    assertThat(failure.reason()).isEqualTo(BrokerException.Reason.HANDLER_REJECTED);
    assertThat(failure.code()).isEqualTo(400);
  }

  @Test
  void textIsValidatedToo() {
    assertThat(request(BrokerMessage.of("checked", "x")).text()).isEqualTo("x");
    assertThat(failure(BrokerMessage.of("checked", ""))).hasMessage("invalid body: must not be blank");
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
      "{\"day\":\"someday\"} | member \"day\" is not a valid value",
      "{\"day\":{}} | member \"day\" is of the wrong type",
      "{\"at\":\"noon\"} | member \"at\" is not a valid value",
      "{\"ratio\":\"half\"} | member \"ratio\" must be a number",
      "{\"done\":\"perhaps\"} | member \"done\" must be true or false",
      "{\"parts\":7} | member \"parts\" must be a list",
      "{\"parts\":[1,99999999999]} | member \"parts[1]\" is out of range",
      "{\"article\":7} | member \"article\" is of the wrong type",
      "{\"article\":{\"words\":null}} | member \"article.words\" must not be null",
      "{\"positive\":{\"value\":-1}} | member \"positive\" is not a valid value",
      "{\"Grüße\":1} | member \"Grüße\" is unknown",
      "{\"parts\":[12345678901234567890123456789012345678901234567890]} | member \"parts[0]\" is out of range"})
  void reasonIsNamedWithoutClassAndPayload(String body, String reason) {
    assertThat(failure(BrokerMessage.of("strict", body))).hasMessage("failed to decode body: " + reason);
  }

  @Test
  void jsonBeyondALimitIsNoMistakeOfItsForm() {
    assertThat(failure(BrokerMessage.of("object", "[".repeat(1000))))
        .hasMessage("failed to decode body: it is nested too deep, or a number or a name in it is too long");
  }

  @Test
  void typeThatNoJsonFitsIsTheFaultOfTheMethod() {
    assertThat(failure(BrokerMessage.of("abstract", "{}"))).hasMessage("handler failed")
        .extracting(BrokerException::code).isEqualTo(500);
  }

  @Test
  void onlyAParameterOfItsTypeGetsTheMessage() {
    assertThat(request(BrokerMessage.of("object", "{\"a\":[1,\"x\"]}")).text()).isEqualTo("{a=[1, x]}");
    assertThat(request(BrokerMessage.of("serializable", "[1]")).text()).isEqualTo("[1]");
    assertThat(failure(BrokerMessage.of("object", "null"))).hasMessage("failed to decode body: it is null");
    assertThat(failure(BrokerMessage.of("object", "text"))).hasMessageContaining("not valid JSON");
  }

  @Test
  void optionalParameterIsAbsentWithoutABodyAndForNull() {
    assertThat(request(BrokerMessage.of("optional", "{\"title\":\"T\",\"words\":1}")).text()).isEqualTo("T");
    assertThat(request(BrokerMessage.of("optional", "null")).text()).isEqualTo("absent");
    assertThat(request(BrokerMessage.of("optional", "")).text()).isEqualTo("absent");
    assertThat(request(BrokerMessage.of("optional.text", "null")).text()).isEqualTo("null");
    assertThat(request(BrokerMessage.of("optional.text", "")).text()).isEqualTo("absent");
    assertThat(request(BrokerMessage.of("optional.bytes", "abc")).text()).isEqualTo("3");
    assertThat(request(BrokerMessage.of("not.required", "null")).text()).isEqualTo("absent");
    assertThat(request(BrokerMessage.of("not.required", "")).text()).isEqualTo("absent");
  }

  @Test
  void whatAnOptionalHoldsIsTheReplyAndTextIsText() {
    assertThat(request(BrokerMessage.of("returned", "text")).text()).isEqualTo("text");
    assertThat(request(BrokerMessage.of("returned", "builder")).header("Content-Type"))
        .isEqualTo("text/plain;charset=UTF-8");
    assertThat(request(BrokerMessage.of("returned", "bytes")).body()).containsExactly(1, 2);
    assertThat(request(BrokerMessage.of("returned", "message")).header("Extra")).isEqualTo("1");
    assertThat(request(BrokerMessage.of("returned", "nested")).text()).isEqualTo("{\"summary\":\"S\"}");
    assertThat(failure(BrokerMessage.of("returned", "future"))).hasMessage("handler failed");
    assertThat(catchThrowableOfType(BrokerException.class,
        () -> client().request(BrokerMessage.of("returned", "empty"), Duration.ofMillis(100))).reason())
        .isEqualTo(BrokerException.Reason.TIMEOUT);
  }

  @Test
  void clientSendsAndReadsWhatMethodsDo() {
    assertThat(client().request("text", new StringBuilder("grüße"), CharSequence.class, TIMEOUT)).isEqualTo("GRÜSSE");
    assertThat(client().request("chars", Optional.of("x"), String.class, TIMEOUT)).isEqualTo("x text");
    assertThat(client().request("optional", Optional.empty(), String.class, TIMEOUT)).isEqualTo("absent");
    assertThat(client().request("record", new Article("T", 1), Object.class, TIMEOUT))
        .isEqualTo(Map.of("summary", "T: 1"));
  }

  @Test
  void rejectionKeepsItsLetters() {
    assertThat(failure(BrokerMessage.of("failing", "Größe: 大小 😀")))
        .hasMessage("not allowed: Größe: 大小 😀").extracting(BrokerException::code).isEqualTo(422);
  }

  @Test
  void memberWithinMembersIsNamedByItsPath() {
    assertThat(failure(BrokerMessage.of("list", "[{\"title\":\"A\",\"words\":1},{\"words\":[]}]")))
        .hasMessage("failed to decode body: member \"[1].words\" must be a whole number");
  }

  @Test
  void headersAreConverted() {
    BrokerMessage message = BrokerMessage.of("headers", "").withHeader("Width", "7");

    assertThat(request(message.withHeader("nativeHeaders", "no map")).text()).isEqualTo("7 none [7]");
    assertThat(request(message.withHeader("Unit", "mm")).text()).isEqualTo("7 mm [7]");
    assertThat(request(BrokerMessage.of("headers", "").withHeader("width", "8")).text()).isEqualTo("8 none [8]");
    assertThat(failure(BrokerMessage.of("headers", ""))).hasMessage("header Width is missing");
    assertThat(failure(BrokerMessage.of("headers", "").withHeader("Width", "wide")))
        .hasMessage("header Width does not fit");
  }

  @ParameterizedTest
  @ValueSource(strings = {"a.placeholder", "b.placeholder"})
  void placeholdersNameSubjects(String subject) {
    assertThat(request(BrokerMessage.of(subject, "")).text()).isEqualTo(subject);
  }

  @Test
  void parameterThatABeanResolvesIsNoBody() {
    assertThat(request(BrokerMessage.of("resolved", "text").withHeader("Lang", "de")).text()).isEqualTo("text in German");
  }

  @Test
  void brokerMessageIsRepliedAsItIs() {
    BrokerMessage reply = request(BrokerMessage.of("whole", "x"));

    assertThat(reply.text()).isEqualTo("whole x");
    assertThat(reply.header("Extra")).isEqualTo("1");
  }

  @Test
  void oneWayListenersOfNoGroupAllGetAnEvent() throws InterruptedException {
    client().publish("events.created", new Article("T", 1));

    Received received = context.getBean(Received.class);
    assertThat(List.of(received.take(), received.take()))
        .containsExactlyInAnyOrder("one {\"title\":\"T\",\"words\":1}", "two T");
  }

  @Test
  void whatTheMethodThrowsIsAnswered() {
    assertThat(failure(BrokerMessage.of("failing", "404"))).hasMessage("not there").extracting(BrokerException::code)
        .isEqualTo(404);
    assertThat(failure(BrokerMessage.of("failing", "other"))).hasMessage("handler failed")
        .extracting(BrokerException::code).isEqualTo(500);
  }

  @Test
  void methodMayRequestAndTypedFailuresNameTheMember() {
    assertThat(client().request("nested", new Article("T", 2), String.class, TIMEOUT)).isEqualTo("T: 2");
    BrokerException failure = catchThrowableOfType(BrokerException.class,
        () -> client().request("record", new Article("T", 2), Article.class, TIMEOUT));
    assertThat(failure.reason()).isEqualTo(BrokerException.Reason.HANDLER_FAILED);
    assertThat(failure).hasMessage(
        "the reply cannot be read: failed to decode body: member \"words\" is missing");
  }

  @Test
  void elementsOfAStreamAreReplies() {
    StreamTimeouts timeouts = StreamTimeouts.of(TIMEOUT);
    try (Stream<String> words = client().stream("words", "to be or not", String.class, timeouts)) {
      assertThat(words).containsExactly("to", "be", "or", "not");
    }
    try (ReplyStream summaries = client().stream(
        BrokerMessage.of("summaries", "{\"title\":\"T\",\"words\":3}"), timeouts)) {
      assertThat(summaries.next().header("Content-Type")).isEqualTo("application/json");
      assertThat(summaries.next().text()).isEqualTo("{\"summary\":\"T: 2\"}");
      assertThat(summaries.next().text()).isEqualTo("{\"summary\":\"T: 3\"}");
      assertThat(summaries.hasNext()).isFalse();
    }
    assertThat(failure(BrokerMessage.of("words", "x"))).hasMessageContaining("ask for a stream")
        .extracting(BrokerException::code).isEqualTo(400);
    BrokerMessage unreadable = BrokerMessage.of("summaries", "[]");
    assertThat(catchThrowableOfType(BrokerException.class, () -> client().stream(unreadable, timeouts).next()))
        .hasMessageContaining("failed to decode body");
  }

  @Test
  void streamOfElementsIsClosedWhenItsRequesterGoes() throws InterruptedException {
    try (Stream<String> endless = client().stream("endless", "x", String.class, StreamTimeouts.of(TIMEOUT))) {
      assertThat(endless.limit(3)).containsExactly("x", "xx", "xxx");
    }
    assertThat(context.getBean(Received.class).messages.poll(5, SECONDS)).isEqualTo("closed");
  }

  @Test
  void methodRunsOnTheThreadsOfTheApplication() {
    boolean isVirtual = virtual && Runtime.version().feature() >= 21;

    assertThat(request(BrokerMessage.of("thread", "")).text()).startsWith("messaging-").endsWith(" " + isVirtual);
  }

  record Article(String title, int words) {}

  record Summary(String summary) {}

  enum Day { MONDAY }

  record Positive(int value) {

    Positive {
      if (value < 0) {
        throw new IllegalArgumentException("a secret of the code");
      }
    }
  }

  record Everything(@Nullable Day day, @Nullable Instant at, @Nullable Double ratio, @Nullable Boolean done,
      @Nullable List<Integer> parts, @Nullable Article article, @Nullable Positive positive) {}

  static final class Received {

    private final BlockingQueue<String> messages = new LinkedBlockingQueue<>();

    @Nullable String take() throws InterruptedException {
      return messages.take();
    }
  }

  static final class BlankTitle implements Validator {

    @Override
    public boolean supports(Class<?> type) {
      return type == Article.class || type == String.class;
    }

    @Override
    public void validate(Object target, Errors errors) {
      if (target instanceof String text && text.isBlank()) {
        errors.reject("blank", "must not be blank");
      } else if (target instanceof Article article && article.title().isBlank()) {
        errors.rejectValue("title", "blank", "must not be blank");
      }
    }
  }

  @Configuration(proxyBeanMethods = false)
  @ImportAutoConfiguration(MessagingAutoConfiguration.class)
  static class Worker {

    @Bean
    static JsonMapper jsonMapper() {
      return JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES).build();
    }

    @Bean
    static Validator validator() {
      return new BlankTitle();
    }

    @Bean
    static HandlerMethodArgumentResolver locales() {
      return new HandlerMethodArgumentResolver() {

        @Override
        public boolean supportsParameter(MethodParameter parameter) {
          return parameter.getParameterType() == Locale.class;
        }

        @Override
        public Locale resolveArgument(MethodParameter parameter, Message<?> message) {
          return Locale.forLanguageTag(String.valueOf(message.getHeaders().get("Lang")));
        }
      };
    }

    @Bean
    static Received received() {
      return new Received();
    }

    @Bean
    Listeners listeners(MessagingClient client, Received received) {
      return new Listeners(client, received);
    }

    // A configuration class may listen, too
    @NatsListener(subjects = "${subjects}")
    String placeholder(BrokerMessage message) {
      return message.subject();
    }
  }

  static class Listeners {

    private final MessagingClient client;
    private final Received received;

    Listeners(MessagingClient client, Received received) {
      this.client = client;
      this.received = received;
    }

    @NatsListener(subjects = "resolved")
    String resolved(Locale locale, String text) {
      return text + " in " + locale.getDisplayLanguage(Locale.ENGLISH);
    }

    @NatsListener(subjects = "bytes")
    byte[] bytes(byte[] body) {
      byte[] reversed = new byte[body.length];
      for (int i = 0; i < body.length; i++) {
        reversed[body.length - 1 - i] = body[i];
      }
      return reversed;
    }

    @NatsListener(subjects = "text")
    String text(String body) {
      return body.toUpperCase(java.util.Locale.ROOT);
    }

    @NatsListener(subjects = "checked")
    String checked(@Validated String body) {
      return body;
    }

    @NatsListener(subjects = "record")
    Summary summarize(@Validated Article article) {
      return new Summary(article.title() + ": " + article.words());
    }

    @NatsListener(subjects = "list")
    String list(List<Article> articles) {
      return String.join(",", articles.stream().map(Article::title).toList());
    }

    @NatsListener(subjects = "headers")
    String headers(@Header("Width") int width, @Header("Unit") Optional<String> unit, @Headers Map<String, Object> all,
        MessageHeaders headers, @Payload(required = false) @Nullable Article none) {
      assertThat(none).isNull();
      return width + " " + unit.orElse("none") + " [" + headers.get("Width") + "]";
    }

    @NatsListener(subjects = "whole")
    BrokerMessage whole(BrokerMessage message) {
      return message.reply(message.subject() + " " + message.text()).withHeader("Extra", "1");
    }

    @NatsListener(subjects = "events.>", group = NatsListener.BROADCAST)
    void audit(BrokerMessage event) {
      received.messages.add("one " + event.text());
    }

    @NatsListener(id = "second-audit", subjects = "events.>", group = NatsListener.BROADCAST)
    void auditToo(Article article) {
      received.messages.add("two " + article.title());
    }

    @NatsListener(subjects = "strict")
    void strict(Everything body) {}

    @NatsListener(subjects = "object")
    Object object(Object body) {
      return body instanceof String || body instanceof byte[] ? "not read" : body.toString();
    }

    @NatsListener(subjects = "serializable")
    String serializable(Serializable body) {
      return body.toString();
    }

    @NatsListener(subjects = "abstract")
    void ofNoType(Runnable body) {}

    @NatsListener(subjects = "chars")
    CharSequence chars(CharSequence body, BrokerMessage message) {
      return new StringBuilder(body).append(
          "text/plain;charset=UTF-8".equals(message.header("Content-Type")) ? " text" : " none");
    }

    @NatsListener(subjects = "optional")
    String optional(Optional<Article> article) {
      return article.map(Article::title).orElse("absent");
    }

    @NatsListener(subjects = "optional.text")
    String optionalText(Optional<String> text) {
      return text.orElse("absent");
    }

    @NatsListener(subjects = "optional.bytes")
    String optionalBytes(Optional<byte[]> bytes) {
      return bytes.map(all -> all.length + "").orElse("absent");
    }

    @NatsListener(subjects = "not.required")
    String notRequired(@Payload(required = false) @Nullable Article article) {
      return article == null ? "absent" : article.title();
    }

    @NatsListener(subjects = "returned")
    Optional<?> returned(String what, BrokerMessage message) {
      return Optional.ofNullable(switch (what) {
        case "text" -> "text";
        case "builder" -> new StringBuilder("text");
        case "bytes" -> new byte[] {1, 2};
        case "message" -> message.reply("").withHeader("Extra", "1");
        case "nested" -> Optional.of(new Summary("S"));
        case "future" -> CompletableFuture.completedFuture("later");
        default -> null;
      });
    }

    @NatsListener(subjects = "failing")
    void failing(String body) {
      if (body.startsWith("Größe")) {
        throw new MessageRejectedException(422, "not allowed: " + body);
      }
      if (body.equals("404")) {
        throw new MessageRejectedException(404, "not there");
      }
      throw new IllegalStateException("secret");
    }

    @NatsListener(subjects = "words")
    Stream<String> words(String text) {
      return Stream.of(text.split(" "));
    }

    @NatsListener(subjects = "summaries")
    void summaries(Article article, ReplySink<Summary> replies) {
      IntStream.rangeClosed(1, article.words()).forEach(i -> replies.send(new Summary(article.title() + ": " + i)));
    }

    @NatsListener(subjects = "endless")
    Stream<String> endless(String text) {
      return Stream.iterate(text, last -> last.length() < 9 ? last + text : text).onClose(() -> received.messages.add("closed"));
    }

    @NatsListener(subjects = "nested")
    String nested(Article article) {
      return client.request("record", article, Summary.class, TIMEOUT).summary();
    }

    @NatsListener(subjects = "thread")
    String thread() throws ReflectiveOperationException {
      boolean isVirtual = Runtime.version().feature() >= 21
          && (boolean) Thread.class.getMethod("isVirtual").invoke(Thread.currentThread());
      return Thread.currentThread().getName() + " " + isVirtual;
    }
  }
}
