package dev.workloads.httpapi;

import dev.workloads.httpapi.Client.Admission;
import dev.workloads.httpapi.tomcat.InputValve;
import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessagingClient;
import dev.workloads.messaging.durable.DurableTasks;
import jakarta.servlet.ServletInputStream;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.web.filter.ServerHttpObservationFilter;

/**
 * Answers every path of the public port; a task is {@code POST /task}.
 *
 * <p>Threads: a request is worked on by one thread of Tomcat at a time, which blocks for the worker's reply. A body
 * that has not come in whole is read without a thread by {@link BodyReader}, which then calls this servlet again.
 */
final class TaskServlet extends HttpServlet {

  private static final long serialVersionUID = 1L;
  private static final Logger log = LoggerFactory.getLogger(TaskServlet.class);

  private final transient MessagingClient client;
  private final transient TaskProperties properties;
  private final transient Clients clients;
  private final transient DrainLifecycle drain;
  private final transient @Nullable TaskPage page;
  private final transient @Nullable DurableTaskRoutes durable;
  private final transient TaskStreams streams;
  private final transient Semaphore inFlight;
  private final transient Semaphore freeBytes;
  private final transient Semaphore freeReplyBytes; // apart from the others, so that slow readers leave room for bodies
  private final transient int maxBuffered;

  TaskServlet(MessagingClient client, @Nullable DurableTasks durable, TaskProperties properties, Clients clients,
      DrainLifecycle drain, Limits limits, @Nullable TaskPage page) {
    this.client = client;
    this.properties = properties;
    this.clients = clients;
    this.drain = drain;
    this.page = page;
    this.inFlight = new Semaphore(limits.maxInFlight());
    this.maxBuffered = limits.maxBuffered();
    this.freeBytes = new Semaphore(maxBuffered);
    this.freeReplyBytes = new Semaphore(maxBuffered);
    this.streams = new TaskStreams(client, properties, drain);
    this.durable = durable == null ? null : new DurableTaskRoutes(durable, properties, drain, inFlight, maxBuffered);
  }

  @Override
  protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
    try (ReplyRoom room = new ReplyRoom(freeReplyBytes, maxBuffered)) {
      AnswerWriter answer = answer(request, response, room);
      if (answer != null) {
        drain.announceClose(request, response);
        answer.write(response);
      }
    } catch (ProblemException e) {
      InputValve.closeIfUnread(request);
      fail(request, response, e);
    } catch (BrokerException e) {
      log.debug("A request for a task has failed, and its client learns why: {}", e.getMessage()); // metrics count it, too
      fail(request, response, ProblemException.of(e));
    } catch (RuntimeException e) {
      log.error(BodyReader.UNEXPECTED, e);
      fail(request, response, ProblemException.internalError());
    }
  }

  private void fail(HttpServletRequest request, HttpServletResponse response, ProblemException failure)
      throws IOException {
    drain.announceClose(request, response);
    ProblemWriter.write(request, response, failure);
  }

  /**
   * Works on a request; returns {@code null} if it is answered, or if its body is still to come, and is read without this thread.
   */
  private @Nullable AnswerWriter answer(HttpServletRequest request, HttpServletResponse response, ReplyRoom room)
      throws IOException {
    String path = String.valueOf(request.getPathInfo());
    if (!path.equals("/task") && !path.startsWith("/task/")) {
      InputValve.closeIfUnread(request);
      return pageOrNotFound(request);
    }
    BodyReader reader = BodyReader.of(request);
    Admission admission = reader == null ? clients.admit(request) : reader.admission();
    try {
      if (path.equals("/task")) {
        return task(request, response, room, admission, reader);
      }
      InputValve.closeIfUnread(request);
      AnswerWriter answer = durable == null ? null : durable.answer(request, response, room, admission.client());
      return answer == null ? pageOrNotFound(request) : answer;
    } finally {
      if (!request.isAsyncStarted()) { // before the answer: the client may send its next request at once
        admission.close();
      }
    }
  }

  private @Nullable AnswerWriter task(HttpServletRequest request, HttpServletResponse response, ReplyRoom room,
      Admission admission, @Nullable BodyReader reader) throws IOException {
    if (!"POST".equals(request.getMethod())) {
      response.setHeader("Allow", "POST");
      throw new ProblemException(Problem.METHOD_NOT_ALLOWED, "a task is sent by POST");
    }
    setPathPattern(request, "/task");
    RequestBody body = reader == null ? read(request, response, admission) : reader.body();
    return body == null ? null : createTask(body, request, response, room, admission.client());
  }

  /** Sets what the metrics call the path, which may hold an id. */
  static void setPathPattern(HttpServletRequest request, String pattern) {
    ServerHttpObservationFilter.findObservationContext(request).ifPresent(context -> context.setPathPattern(pattern));
  }

  private AnswerWriter pageOrNotFound(HttpServletRequest request) {
    return page != null && TaskPage.isAskedFor(request) ? page::write
        : response -> ProblemWriter.writeText(response, Problem.NOT_FOUND.status(), "Not found\n");
  }

  /** Returns the body if all of it has come in. */
  private @Nullable RequestBody read(HttpServletRequest request, HttpServletResponse response, Admission admission)
      throws IOException {
    long length = request.getContentLengthLong();
    RequestBody body = new RequestBody(freeBytes, (int) properties.maxBodySize().toBytes(), length);
    try {
      InputValve.askForBody(request);
      if (length >= 0 && isReadToItsEnd(body, request.getInputStream())) {
        return body;
      }
      BodyReader.read(request, response, body, admission, properties.bodyTimeout());
      return null;
    } catch (Throwable e) { // nobody else closes the body
      body.close();
      throw e;
    }
  }

  /** Reads what has come in, mostly the whole body. Does not block. */
  private static boolean isReadToItsEnd(RequestBody body, ServletInputStream in) throws IOException {
    while (in.available() > 0 && body.readFrom(in)) { } // available() may count bytes of the next request, too
    return in.isFinished();
  }

  private @Nullable AnswerWriter createTask(RequestBody body, HttpServletRequest request, HttpServletResponse response,
      ReplyRoom room, Client sender) throws IOException {
    try (body) { // the bytes are free before the answer: the client may send its next request at once
      if (durable != null && DurableTaskSubmission.isAskedFor(request)) {
        return durable.submit(body, request, room, sender);
      }
      IdempotencyKey.refuse(request, durable == null ? "Idempotency-Key is for durable tasks, which are off"
          : "Idempotency-Key is for durable tasks: ask for one by Prefer: respond-async");
      TaskRequest task = TaskRequest.parse(body.bytes(), sender);
      StreamFormat format = StreamFormat.of(request);
      if (format == null) {
        BrokerMessage reply = request(task, room);
        return answer -> ReplyWriter.write(answer, reply.header(BrokerMessage.CONTENT_TYPE), reply.body());
      }
      body.close();
      stream(task, format, request, response, room);
      return null;
    }
  }

  private void stream(TaskRequest task, StreamFormat format, HttpServletRequest request, HttpServletResponse response,
      ReplyRoom room) throws IOException {
    acquire(room, TaskStreams.MEMORY);
    try {
      streams.answer(task, format, request, response);
    } finally {
      inFlight.release();
    }
  }

  /** Takes a place for a request, and room for a reply of the size. */
  private void acquire(ReplyRoom room, int replySize) {
    if (!room.fit(replySize)) {
      throw new ProblemException(Problem.OVERLOADED, ReplyRoom.FULL);
    }
    if (!inFlight.tryAcquire()) {
      throw ProblemException.overloaded();
    }
  }

  /** Asks a worker, if there is room for a reply as large as the payload. Keeps the room that the reply needs. */
  private BrokerMessage request(TaskRequest task, ReplyRoom room) {
    acquire(room, task.payload().length);
    try {
      BrokerMessage reply = client.request(task.message(), properties.requestTimeout());
      if (!room.fit(reply.body().length)) { // "overloaded" would say that the task was not done
        throw new ProblemException(Problem.TIMEOUT,
            "the worker has replied, but the reply is lost: too many bytes of replies wait for their clients");
      }
      return reply;
    } finally {
      inFlight.release();
    }
  }
}
