package dev.workloads.systemtests;

import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * The network between a worker and its NATS server, which notes how the bodies begin that pass. So a test sees what a
 * worker may have executed, and what it has replied to, without a word from the worker.
 */
final class Wiretap implements AutoCloseable {

  private final Queue<String> received = new ConcurrentLinkedQueue<>();
  private final Queue<String> sent = new ConcurrentLinkedQueue<>();
  private final TcpProxy network;

  Wiretap(int natsPort) {
    network = new TcpProxy(natsPort, () -> new Frames(received), () -> new Frames(sent));
  }

  String natsUrl() {
    return network.natsUrl();
  }

  /** Returns the beginnings of what was sent to the worker. */
  List<String> received() {
    return List.copyOf(received);
  }

  /** Returns the beginnings of what the worker sent; error replies have no bodies. */
  List<String> sent() {
    return List.copyOf(sent);
  }

  @Override
  public void close() {
    network.close();
  }

  /** Finds the bodies that pass one way on a connection. A message is a line that ends with its sizes, and bytes. */
  private static final class Frames implements TcpProxy.Observer {

    private final Queue<String> bodies;
    private final StringBuilder text = new StringBuilder(); // of a line or a body
    private int headers;
    private int body;

    Frames(Queue<String> bodies) {
      this.bodies = bodies;
    }

    @Override
    public void passed(byte[] bytes, int count) {
      for (int i = 0; i < count; i++) {
        if (headers > 0) {
          headers--;
        } else if (body > 0) {
          bodyPassed((char) bytes[i]);
        } else if (bytes[i] == '\n') {
          linePassed(text.toString().trim().split(" "));
          text.setLength(0);
        } else {
          text.append((char) bytes[i]);
        }
      }
    }

    private void bodyPassed(char c) {
      if (text.length() < Tally.SHOWN) {
        text.append(c);
      }
      if (--body == 0) {
        bodies.add(text.toString());
        text.setLength(0);
      }
    }

    private void linePassed(String[] words) {
      boolean withHeaders = words[0].equals("HMSG") || words[0].equals("HPUB");
      if (withHeaders || words[0].equals("MSG") || words[0].equals("PUB")) {
        headers = withHeaders ? Integer.parseInt(words[words.length - 2]) : 0;
        body = Integer.parseInt(words[words.length - 1]) - headers;
      }
    }
  }
}
