package dev.workloads.httpapi;

import dev.workloads.httpapi.tomcat.InputValve;
import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessagingClient;
import dev.workloads.messaging.ReplyStream;
import dev.workloads.messaging.StreamTimeouts;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers requests for a stream of replies. The thread of a request blocks as long as its stream is open: for the worker's next
 * reply, or for the client to take what was written, which keeps the worker from sending more.
 *
 * <p>Safe for use by many threads.
 */
final class TaskStreams {

  /** The bytes of replies that one stream holds: what a worker may send ahead. */
  static final int MEMORY = ReplyStream.MAX_AHEAD;

  private static final Duration LOOK = Duration.ofMillis(250); // how often the client and a stop are looked after
  private static final Logger log = LoggerFactory.getLogger(TaskStreams.class);
  private static final Duration KEEP_ALIVE = Duration.ofSeconds(15);

  private final MessagingClient client;
  private final StreamTimeouts timeouts;
  private final DrainLifecycle drain;

  TaskStreams(MessagingClient client, TaskProperties properties, DrainLifecycle drain) {
    this.client = client;
    this.timeouts = new StreamTimeouts(properties.requestTimeout(), properties.stream().stall(), properties.stream().timeout());
    this.drain = drain;
  }

  /**
   * Asks the worker, and writes its replies as they come. The status waits for the first of them.
   *
   * @throws ProblemException if the task fails before that, like {@link BrokerException}
   * @throws IOException if the client takes no more
   */
  void answer(TaskRequest task, StreamFormat format, HttpServletRequest request, HttpServletResponse response) throws IOException {
    try (ReplyStream replies = client.stream(task.message(), timeouts)) {
      OpenStream stream = new OpenStream(replies, format, request, response);
      byte[] first = stream.await();
      drain.announceClose(request, response);
      stream.write(first);
    }
  }

  /** One answer. */
  private final class OpenStream {

    private final ReplyStream replies;
    private final StreamFormat format;
    private final HttpServletRequest request;
    private final HttpServletResponse response;
    private final OutputStream out;
    private long parts;
    private long writtenAt = System.nanoTime();

    OpenStream(ReplyStream replies, StreamFormat format, HttpServletRequest request, HttpServletResponse response)
        throws IOException {
      this.replies = replies;
      this.format = format;
      this.request = request;
      this.response = response;
      this.out = response.getOutputStream();
    }

    /** Writes all that comes, after the first part. */
    void write(byte @Nullable [] first) throws IOException {
      ProblemWriter.writeNothing(response, HttpServletResponse.SC_OK);
      response.setContentType(format.contentType());
      response.setHeader("Cache-Control", "no-store");
      response.setHeader("X-Accel-Buffering", "no"); // or nginx keeps the replies back
      try {
        writeParts(first);
      } catch (ProblemException e) {
        fail(e);
      } catch (BrokerException e) {
        fail(ProblemException.of(e));
      } catch (RuntimeException e) {
        log.error(BodyReader.UNEXPECTED, e);
        fail(ProblemException.internalError());
      }
    }

    private void writeParts(byte @Nullable [] first) throws IOException {
      for (byte[] part = first; part != null; part = next()) {
        out.write(part);
        parts++;
      }
      if (replies.isEnded()) {
        out.write(format.end(parts));
      } else {
        InputValve.cutOff(request); // a client that has ended its output must not take this for the end
      }
    }

    private byte @Nullable [] next() throws IOException {
      BrokerMessage next = replies.poll(Duration.ZERO);
      if (next == null || drain.isOver()) {
        flush(); // not before: many small parts go in few packets
        return await();
      }
      return format.part(next);
    }

    /** Returns the next part, or {@code null} if there are no more or the client has gone. */
    byte @Nullable [] await() throws IOException {
      while (!replies.isEnded() && !InputValve.isEnded(request)) {
        if (drain.isOver()) {
          throw new ProblemException(Problem.DRAINING, "this server is about to stop: send the request again");
        }
        BrokerMessage next = replies.poll(LOOK);
        if (next != null) {
          return format.part(next);
        }
        if (System.nanoTime() - writtenAt >= KEEP_ALIVE.toNanos() && response.isCommitted()) {
          out.write(format.keepAlive());
          flush();
        }
      }
      return null;
    }

    private void flush() throws IOException {
      response.flushBuffer();
      writtenAt = System.nanoTime();
    }

    private void fail(ProblemException failure) throws IOException {
      byte[] error = format.error(ProblemWriter.json(request, failure));
      if (error == null) {
        flush();
        InputValve.cutOff(request);
      } else {
        out.write(error);
      }
    }
  }
}
