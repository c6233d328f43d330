package dev.workloads.httpapi;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageRejectedException;
import jakarta.servlet.http.HttpServletRequest;
import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.springframework.http.InvalidMediaTypeException;
import org.springframework.http.MediaType;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/** The forms in which a client may have the replies of a stream. */
enum StreamFormat {

  /** Server-sent events (WHATWG HTML, 9.2): the parts are text. */
  EVENTS(MediaType.TEXT_EVENT_STREAM) {

    @Override
    byte[] part(BrokerMessage reply) {
      StringBuilder event = new StringBuilder();
      for (String line : LINE_END.split(text(reply), -1)) {
        event.append("data: ").append(line).append('\n');
      }
      return event.append('\n').toString().getBytes(UTF_8);
    }

    @Override
    byte[] end(long parts) {
      return event("end", "{\"parts\":" + parts + "}");
    }

    @Override
    byte[] error(byte[] problem) {
      return event("error", new String(problem, UTF_8));
    }

    @Override
    byte[] keepAlive() {
      return ":\n\n".getBytes(US_ASCII);
    }
  },

  /** One JSON value a line. */
  JSON_LINES(MediaType.APPLICATION_NDJSON) {

    @Override
    byte[] part(BrokerMessage reply) {
      try {
        JsonMapper.shared().readTree(reply.body());
      } catch (JacksonException e) {
        throw new ProblemException(Problem.HANDLER_FAILED, "a reply of the worker is no JSON: ask for text/event-stream");
      }
      ByteArrayOutputStream line = new ByteArrayOutputStream(reply.body().length + 1);
      for (byte b : reply.body()) {
        line.write(b == '\n' || b == '\r' ? ' ' : b); // between the tokens: within one, JSON has neither
      }
      line.write('\n');
      return line.toByteArray();
    }

    @Override
    byte[] end(long parts) {
      return NOTHING;
    }

    @Override
    byte @Nullable [] error(byte[] problem) {
      return null;
    }

    @Override
    byte[] keepAlive() {
      return NOTHING;
    }
  };

  private static final byte[] NOTHING = {};
  private static final Pattern LINE_END = Pattern.compile("\r\n|\r|\n");

  private final MediaType type;

  StreamFormat(MediaType type) {
    this.type = type;
  }

  /** Returns what a client wants that names a form outright, and not by a wildcard; {@code null} if it names none. */
  static @Nullable StreamFormat of(HttpServletRequest request) {
    try {
      return MediaType.parseMediaTypes(Collections.list(request.getHeaders("Accept"))).stream()
          .filter(range -> range.getQualityValue() > 0)
          .sorted(Comparator.comparingDouble(MediaType::getQualityValue).reversed())
          .flatMap(range -> Arrays.stream(values()).filter(format -> format.type.equalsTypeAndSubtype(range)))
          .findFirst().orElse(null);
    } catch (InvalidMediaTypeException e) {
      return null; // Accept never makes a request fail
    }
  }

  String contentType() {
    return type.toString();
  }

  /**
   * Returns what stands for a reply.
   *
   * @throws ProblemException if the reply cannot be in this form
   */
  abstract byte[] part(BrokerMessage reply);

  /** Returns what stands for the end after so many replies. */
  abstract byte[] end(long parts);

  /** Returns what stands for an end that is none, or {@code null} if the form has nothing for that: then the answer is cut off. */
  abstract byte @Nullable [] error(byte[] problem);

  /** Returns what keeps proxies from closing the connection while nothing comes. */
  abstract byte[] keepAlive();

  private static String text(BrokerMessage reply) {
    try {
      return reply.text();
    } catch (MessageRejectedException e) {
      throw new ProblemException(Problem.HANDLER_FAILED, "a reply of the worker is no text: ask for application/x-ndjson");
    }
  }

  private static byte[] event(String name, String json) {
    return ("event: " + name + "\ndata: " + json + "\n\n").getBytes(UTF_8);
  }
}
