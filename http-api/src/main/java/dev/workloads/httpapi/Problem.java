package dev.workloads.httpapi;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.durable.TaskError;

/** An answer other than a worker's reply. */
enum Problem {

  INVALID_REQUEST(400, "invalid-request"),
  UNAUTHORIZED(401, "unauthorized"),
  WORKER_NOT_ALLOWED(403, "worker-not-allowed"),
  NOT_FOUND(404, "not-found"),
  UNKNOWN_TASK(404, "unknown-task"),
  METHOD_NOT_ALLOWED(405, "method-not-allowed"),
  REQUEST_TIMEOUT(408, "request-timeout"),
  NOT_FINISHED(409, "not-finished"),
  ALREADY_RUNNING(409, "already-running"),
  ALREADY_FINISHED(409, "already-finished"),
  CANCELLED(410, "cancelled"),
  PRECONDITION_FAILED(412, "precondition-failed"),
  BODY_TOO_LARGE(413, "body-too-large"),
  PAYLOAD_TOO_LARGE(413, "payload-too-large"),
  IDEMPOTENCY_KEY_REUSED(422, "idempotency-key-reused"),
  TOO_MANY_REQUESTS(429, "too-many-requests"),
  INTERNAL_ERROR(500, "internal-error"),
  HANDLER_REJECTED(502, "handler-rejected"),
  HANDLER_FAILED(502, "handler-failed"),
  NO_RESPONDERS(502, "no-responders"),
  TIMEOUT(502, "timeout"),
  BROKER_UNAVAILABLE(502, "broker-unavailable"),
  STREAM_BROKEN(502, "stream-broken"),
  OVERLOADED(503, "overloaded"),
  DRAINING(503, "draining");

  private final int status;
  private final String reason;

  Problem(int status, String reason) {
    this.status = status;
    this.reason = reason;
  }

  int status() {
    return status;
  }

  String reason() {
    return reason;
  }

  static Problem of(BrokerException.Reason reason) {
    return switch (reason) {
      case NO_RESPONDERS -> NO_RESPONDERS;
      case TIMEOUT -> TIMEOUT;
      case BROKER_UNAVAILABLE -> BROKER_UNAVAILABLE;
      case PAYLOAD_TOO_LARGE -> PAYLOAD_TOO_LARGE;
      case HANDLER_REJECTED -> HANDLER_REJECTED;
      case HANDLER_FAILED -> HANDLER_FAILED;
      case OVERLOADED -> OVERLOADED;
      case STREAM_BROKEN -> STREAM_BROKEN;
    };
  }

  static Problem of(TaskError error) {
    return error.isRejection() ? HANDLER_REJECTED : HANDLER_FAILED;
  }
}
