package dev.workloads.httpapi;

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
  private final transient DrainLifecycle drain;
  private final transient @Nullable TaskPage page;
  private final transient @Nullable DurableTaskRoutes durable;
  private final transient Semaphore inFlight;
  private final transient Semaphore freeBytes;
  private final transient Semaphore freeReplyBytes; // of their own: slow readers leave room for bodies
  private final transient int maxBuffered;

  TaskServlet(MessagingClient client, @Nullable DurableTasks durable, TaskProperties properties, DrainLifecycle drain,
      Limits limits, @Nullable TaskPage page) {
    this.client = client;
    this.properties = properties;
    this.drain = drain;
    this.page = page;
    this.inFlight = new Semaphore(limits.maxInFlight());
    this.maxBuffered = limits.maxBuffered();
    this.freeBytes = new Semaphore(maxBuffered);
    this.freeReplyBytes = new Semaphore(maxBuffered);
    this.durable = durable == null ? null : new DurableTaskRoutes(durable, properties, drain, inFlight, maxBuffered);
  }

  @Override
  protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
    try (ReplyRoom room = new ReplyRoom(freeReplyBytes, maxBuffered)) {
      answer(request, response, room);
    } catch (ProblemException e) {
      InputValve.closeIfUnread(request);
      fail(request, response, e.problem(), e.code(), e.text());
    } catch (BrokerException e) {
      log.debug("A task was not done: {}", e.getMessage()); // metrics count them by reason
      fail(request, response, Problem.of(e.reason()), e.code(), e.getMessage());
    } catch (RuntimeException e) {
      log.error("A request failed", e);
      fail(request, response, Problem.INTERNAL_ERROR, 0, ProblemWriter.CAUSE_IN_LOG);
    }
  }

  private void fail(HttpServletRequest request, HttpServletResponse response, Problem problem, int code,
      @Nullable String text) throws IOException {
    drain.announceClose(request, response);
    ProblemWriter.write(request, response, problem, code, String.valueOf(text));
  }

  private void answer(HttpServletRequest request, HttpServletResponse response, ReplyRoom room) throws IOException {
    if (!"/task".equals(request.getPathInfo())) {
      InputValve.closeIfUnread(request);
      if (durable == null || !durable.answer(request, response, room)) {
        drain.announceClose(request, response);
        writePageOrNotFound(request, response);
      }
    } else if (!"POST".equals(request.getMethod())) {
      response.setHeader("Allow", "POST");
      throw new ProblemException(Problem.METHOD_NOT_ALLOWED, "a task is sent by POST");
    } else {
      setPathPattern(request, "/task");
      RequestBody complete = BodyReader.completeBody(request);
      if (complete == null) {
        read(request, response, room);
      } else {
        createTask(complete, request, response, room);
      }
    }
  }

  /** Sets what the metrics call the path, which may hold an id. */
  static void setPathPattern(HttpServletRequest request, String pattern) {
    ServerHttpObservationFilter.findObservationContext(request).ifPresent(context -> context.setPathPattern(pattern));
  }

  private void writePageOrNotFound(HttpServletRequest request, HttpServletResponse response) throws IOException {
    if (page != null && TaskPage.isAskedFor(request)) {
      page.write(response);
    } else {
      ProblemWriter.writeText(response, Problem.NOT_FOUND.status(), "Not found\n");
    }
  }

  private void read(HttpServletRequest request, HttpServletResponse response, ReplyRoom room) throws IOException {
    long length = request.getContentLengthLong();
    RequestBody body = new RequestBody(freeBytes, (int) properties.maxBodySize().toBytes(), length);
    try {
      InputValve.askForBody(request);
      if (length >= 0 && isReadToItsEnd(body, request.getInputStream())) {
        createTask(body, request, response, room);
      } else {
        BodyReader.read(request, response, body, properties.bodyTimeout());
      }
    } catch (Throwable e) { // whoever was to close it may not have come to that
      body.close();
      throw e;
    }
  }

  /** Reads what has come in, which does not block; mostly that is all. */
  private static boolean isReadToItsEnd(RequestBody body, ServletInputStream in) throws IOException {
    while (in.available() > 0 && body.readFrom(in)) { } // available() may count bytes of the next request, too
    return in.isFinished();
  }

  private void createTask(RequestBody body, HttpServletRequest request, HttpServletResponse response, ReplyRoom room)
      throws IOException {
    if (durable != null && DurableTaskRoutes.isAskedFor(request)) {
      durable.submit(body, request, response, room);
      return;
    }
    BrokerMessage reply;
    try (body) { // its bytes are free before the answer, which the client's next request may follow at once
      IdempotencyKey.refuse(request, durable == null ? "is for durable tasks, which are off"
          : "is for durable tasks: ask for one by Prefer: respond-async");
      reply = request(TaskRequest.parse(body.bytes()), room);
    }
    drain.announceClose(request, response);
    ReplyWriter.write(response, reply.header(BrokerMessage.CONTENT_TYPE), reply.body());
  }

  /** Asks a worker if there is room for a reply as large as the payload, and keeps the room that the reply then needs. */
  private BrokerMessage request(TaskRequest task, ReplyRoom room) {
    if (!room.fit(task.payload().length)) {
      throw new ProblemException(Problem.OVERLOADED, ReplyRoom.NONE + ", try again later");
    }
    if (!inFlight.tryAcquire()) {
      throw ProblemException.tooManyRequests();
    }
    try {
      BrokerMessage reply = client.request(task.subject(), task.payload(), properties.requestTimeout());
      if (!room.fit(reply.body().length)) { // not overloaded, which says that the task was not done
        throw new ProblemException(Problem.TIMEOUT, "the worker has replied, but " + ReplyRoom.NONE + ": the reply is lost");
      }
      return reply;
    } finally {
      inFlight.release();
    }
  }
}
