package dev.workloads.httpapi;

import dev.workloads.messaging.Subjects;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.core.exc.StreamConstraintsException;
import tools.jackson.core.json.JsonFactory;

/**
 * What a client asks for.
 *
 * @param worker the name of the worker
 * @param payload the body of the message
 */
record TaskRequest(String worker, byte[] payload) {

  private static final JsonFactory JSON = new JsonFactory();
  private static final String DEFAULT_WORKER = "default";

  /** Returns the subject of the message. */
  String subject() {
    return Subjects.TASKS + worker;
  }

  /**
   * Reads the JSON of a request, strictly: nothing is coerced, repaired or skipped unseen.
   *
   * @throws ProblemException if it is not UTF-8, not JSON, or not a request; the text names what is wrong
   */
  static TaskRequest parse(byte[] json) {
    if (json.length == 0) {
      throw invalid("the body is empty: send a JSON object with a payload");
    }
    CharBuffer text = decode(json);
    try (JsonParser parser =
        JSON.createParser(ObjectReadContext.empty(), text.array(), text.arrayOffset(), text.length())) {
      return new Reader(parser).read();
    } catch (StreamConstraintsException e) {
      throw invalid("the JSON is nested too deep, or a name or number in it is too long");
    } catch (JacksonException e) {
      throw invalid("the body is not valid JSON" + at(e.getLocation()));
    }
  }

  private static CharBuffer decode(byte[] json) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(json)); // reports, where String repairs
    } catch (CharacterCodingException e) {
      throw invalid("the body is not valid UTF-8");
    }
  }

  private static ProblemException invalid(String text) {
    return new ProblemException(Problem.INVALID_REQUEST, text);
  }

  private static String at(@Nullable TokenStreamLocation location) {
    return location == null ? "" : ": see line " + location.getLineNr() + ", column " + location.getColumnNr();
  }

  /** Goes through the tokens of one JSON text, once. */
  private static final class Reader {

    private final JsonParser parser;

    private Reader(JsonParser parser) {
      this.parser = parser;
    }

    private TaskRequest read() {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw invalid("the body must be a JSON object");
      }
      String worker = null;
      String payload = null;
      Set<String> names = new HashSet<>();
      while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
        String name = memberName(names);
        JsonToken value = parser.nextToken();
        if (name.equals("payload")) {
          payload = string(name);
        } else if (name.equals("worker")) {
          worker = value == JsonToken.VALUE_NULL ? null : string(name);
        } else {
          ignore(value);
        }
      }
      if (parser.nextToken() != null) {
        throw invalid("there is text after the JSON object");
      }
      return request(worker, payload);
    }

    private static TaskRequest request(@Nullable String worker, @Nullable String payload) {
      if (payload == null) {
        throw invalid("payload is missing: it must be a string");
      }
      String name = worker == null ? DEFAULT_WORKER : worker;
      if (!Subjects.isWorkerName(name)) {
        throw invalid("worker must be 1 to 128 characters: A-Z a-z 0-9 _ -, and single dots between");
      }
      return new TaskRequest(name, payload.getBytes(StandardCharsets.UTF_8));
    }

    /** Passes over a value that means nothing to us but must be right. The parser's limit bounds the recursion. */
    private void ignore(JsonToken value) {
      if (value == JsonToken.START_OBJECT) {
        Set<String> names = new HashSet<>();
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
          memberName(names);
          ignore(parser.nextToken());
        }
      } else if (value == JsonToken.START_ARRAY) {
        for (JsonToken element = parser.nextToken(); element != JsonToken.END_ARRAY; element = parser.nextToken()) {
          ignore(element);
        }
      } else if (value == JsonToken.VALUE_STRING) {
        wellFormed(parser.getString());
      }
    }

    private String memberName(Set<String> names) {
      String name = wellFormed(parser.currentName());
      if (!names.add(name)) {
        throw invalid("a member is given twice" + at(parser.currentTokenLocation()));
      }
      return name;
    }

    private String string(String name) {
      if (parser.currentToken() != JsonToken.VALUE_STRING) {
        throw invalid(name + " must be a string");
      }
      return wellFormed(parser.getString());
    }

    private static String wellFormed(String text) {
      for (int i = 0; i < text.length(); i++) {
        if (Character.isSurrogate(text.charAt(i))) {
          if (!Character.isSurrogatePair(text.charAt(i), i + 1 < text.length() ? text.charAt(i + 1) : 0)) {
            throw invalid("a string holds an unpaired surrogate");
          }
          i++;
        }
      }
      return text;
    }
  }
}
