package dev.workloads.httpapi;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.Subjects;
import dev.workloads.messaging.durable.Jobs;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Consumer;
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
 * @param worker the name of the worker, which the client may ask for
 * @param payload the body of the message
 */
record TaskRequest(String worker, byte[] payload, Client client) {

  private static final JsonFactory JSON = new JsonFactory();
  private static final String DEFAULT_WORKER = "default";

  /** Returns the message for the worker. */
  BrokerMessage message() {
    BrokerMessage message = new BrokerMessage(Subjects.TASKS + worker, payload);
    return client.name() == null ? message : message.withHeader(Jobs.TASK_CLIENT_HEADER, client.name());
  }

  /**
   * Reads the JSON of a request, strictly: nothing is coerced, repaired or skipped unseen.
   *
   * @throws ProblemException if it is not UTF-8, not JSON, or not a request that the client may send; the text names what is
   *     wrong
   */
  static TaskRequest parse(byte[] json, Client client) {
    if (json.length == 0) {
      throw ProblemException.invalid("the body is empty: send a JSON object with a payload");
    }
    CharBuffer text = decode(json);
    try (JsonParser parser =
        JSON.createParser(ObjectReadContext.empty(), text.array(), text.arrayOffset(), text.length())) {
      return new Reader(parser).read(client);
    } catch (StreamConstraintsException e) {
      throw ProblemException.invalid("the JSON is nested too deep, or a name or number in it is too long");
    } catch (JacksonException e) {
      throw ProblemException.invalid("the body is not valid JSON" + at(e.getLocation()));
    }
  }

  private static CharBuffer decode(byte[] json) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(json)); // reports what String would repair
    } catch (CharacterCodingException e) {
      throw ProblemException.invalid("the body is not valid UTF-8");
    }
  }

  private static String at(@Nullable TokenStreamLocation location) {
    return location == null ? "" : ": see line " + location.getLineNr() + ", column " + location.getColumnNr();
  }

  /** Goes through the tokens of one JSON text, once. */
  private static final class Reader {

    private final JsonParser parser;
    private @Nullable String worker;
    private @Nullable String payload;

    private Reader(JsonParser parser) {
      this.parser = parser;
    }

    private TaskRequest read(Client client) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw ProblemException.invalid("the body must be a JSON object");
      }
      readObject(this::readMember);
      if (parser.nextToken() != null) {
        throw ProblemException.invalid("there is text after the JSON object");
      }
      if (payload == null) {
        throw ProblemException.invalid("payload is missing: it must be a string");
      }
      String name = worker == null ? DEFAULT_WORKER : worker;
      if (!Subjects.isWorkerName(name)) {
        throw ProblemException.invalid("worker must be 1 to 128 characters: A-Z a-z 0-9 _ -, and single dots between");
      }
      client.requireAllowed(name);
      return new TaskRequest(name, payload.getBytes(StandardCharsets.UTF_8), client);
    }

    private void readMember(String name) {
      switch (name) {
        case "payload" -> payload = string(name);
        case "worker" -> worker = parser.currentToken() == JsonToken.VALUE_NULL ? null : string(name);
        default -> ignore();
      }
    }

    /** Checks a value that means nothing to the API. The parser's limit bounds the recursion. */
    private void ignore() {
      switch (parser.currentToken()) {
        case START_OBJECT -> readObject(name -> ignore());
        case START_ARRAY -> {
          while (parser.nextToken() != JsonToken.END_ARRAY) {
            ignore();
          }
        }
        case VALUE_STRING -> wellFormed(parser.getString());
        default -> { }
      }
    }

    /** Reads an object, in which no name comes twice. The parser stands at the value when a member is read. */
    private void readObject(Consumer<String> member) {
      Set<String> names = new HashSet<>();
      while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
        String name = wellFormed(parser.currentName());
        if (!names.add(name)) {
          throw ProblemException.invalid("a member is given twice" + at(parser.currentTokenLocation()));
        }
        parser.nextToken();
        member.accept(name);
      }
    }

    private String string(String name) {
      if (parser.currentToken() != JsonToken.VALUE_STRING) {
        throw ProblemException.invalid(name + " must be a string");
      }
      return wellFormed(parser.getString());
    }

    private static String wellFormed(String text) {
      for (int i = 0, c; i < text.length(); i += Character.charCount(c)) {
        c = text.codePointAt(i);
        if (c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE) {
          throw ProblemException.invalid("a string holds an unpaired surrogate");
        }
      }
      return text;
    }
  }
}
