package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatException;

import dev.workloads.messaging.BrokerMessage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import org.apache.coyote.http11.AbstractHttp11Protocol;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.springframework.boot.tomcat.TomcatWebServer;
import org.springframework.boot.web.server.context.WebServerApplicationContext;

/** What clients notice of the limits that follow from each other; the requests' limit is nowhere set here. */
class ConnectionLimitTests {

  private static final int MAX_CONNECTIONS = 20;
  private static final int MAX_IN_FLIGHT = MAX_CONNECTIONS / 2;
  private static final String NOT_FOUND = "GET /x HTTP/1.1\r\nHost: test\r\n\r\n";

  @RegisterExtension
  static final HttpApi api = HttpApi.with("server.tomcat.max-connections=20", "task.request-timeout=20s");
  @RegisterExtension
  static final HttpApi defaults = HttpApi.with();

  private final List<Connection> connections = new ArrayList<>();

  @AfterEach
  void disconnect() throws IOException {
    for (Connection connection : connections) {
      connection.close();
    }
  }

  @Test
  void moreIdleConnectionsThanRequestsMayWaitLeaveRoomForTheNextRequest() throws Exception {
    idle(MAX_CONNECTIONS - 1);

    api.echo("echo");
    assertThat(api.task("echo", "x").text()).isEqualTo("x");
  }

  @Test
  void requestBeyondThoseThatMayWaitIsRefusedAtOnceBesideIdleConnections() throws Exception {
    BlockingQueue<BrokerMessage> received = api.silent("tasks.slow");
    idle(MAX_CONNECTIONS - MAX_IN_FLIGHT - 1);
    List<BrokerMessage> waiting = new ArrayList<>();
    for (int i = 0; i < MAX_IN_FLIGHT; i++) {
      connect().send(HttpApi.taskRequest(HttpApi.json("slow", "x")));
      waiting.add(received.take());
    }

    Answer answer = api.task("slow", "x");

    assertThat(answer.status()).isEqualTo(503);
    assertThat(answer.reason()).isEqualTo("overloaded");
    assertThat(answer.header("Retry-After")).isEqualTo("1");
    waiting.forEach(each -> api.publish(each.reply("done"))); // else they keep their connections from the next test for 20 s
  }

  @Test
  void requestsThatLeaveNoConnectionForARefusalStopTheStart() {
    assertThatException()
        .isThrownBy(() -> HttpApi.start(List.of("server.tomcat.max-connections=20", "task.max-in-flight=20")))
        .havingRootCause().withMessageContaining("task.max-in-flight")
        .withMessageContaining("server.tomcat.max-connections");
  }

  @Test
  void tomcatHasTheDerivedLimits() {
    Limits limits = Limits.derive(Runtime.getRuntime().maxMemory(), null,
        Runtime.version().feature() >= 21 ? Integer.MAX_VALUE : 200, defaults.context().getBean(TaskProperties.class));

    assertThat(protocol(defaults).getMaxConnections()).isEqualTo(limits.maxConnections());
    assertThat(protocol(defaults).getProcessorCache()).isEqualTo(limits.maxInFlight());
    assertThat(protocol(defaults).getMaxHttpResponseHeaderSize()).isEqualTo(2048);
  }

  @Test
  void settingsOfTomcatStand() {
    HttpApi set = HttpApi.with("server.tomcat.max-connections=9", "server.tomcat.processor-cache=7",
        "server.tomcat.max-http-response-header-size=5KB");

    assertThat(protocol(set).getMaxConnections()).isEqualTo(9);
    assertThat(protocol(set).getProcessorCache()).isEqualTo(7);
    assertThat(protocol(set).getMaxHttpResponseHeaderSize()).isEqualTo(5 * 1024);
  }

  private static AbstractHttp11Protocol<?> protocol(HttpApi api) {
    TomcatWebServer server = (TomcatWebServer) ((WebServerApplicationContext) api.context()).getWebServer();
    return (AbstractHttp11Protocol<?>) server.getTomcat().getConnector().getProtocolHandler();
  }

  private void idle(int count) throws IOException {
    for (int i = 0; i < count; i++) {
      assertThat(connect().send(NOT_FOUND).answer().status()).isEqualTo(404);
    }
  }

  private Connection connect() throws IOException {
    Connection connection = api.connect();
    connections.add(connection);
    return connection;
  }
}
