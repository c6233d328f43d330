package dev.workloads.httpapi;

import jakarta.servlet.http.HttpServletRequest;
import java.util.Collections;
import java.util.List;
import java.util.function.Predicate;
import org.springframework.http.InvalidMediaTypeException;
import org.springframework.http.MediaType;

/** What a request's {@code Accept} prefers (RFC 9110, 12.5.1). */
final class Accept {

  private Accept() {}

  /** Returns whether one of the types is preferred to the others: by its quality, or else by the more specific range. */
  static boolean prefers(HttpServletRequest request, List<MediaType> types, List<MediaType> others) {
    try {
      List<MediaType> ranges = MediaType.parseMediaTypes(Collections.list(request.getHeaders("Accept")));
      return weight(ranges, types) > weight(ranges, others);
    } catch (InvalidMediaTypeException e) {
      return false; // Accept never makes a request fail
    }
  }

  private static double weight(List<MediaType> ranges, List<MediaType> types) {
    return types.stream().mapToDouble(type -> weight(ranges, type)).max().orElse(0);
  }

  // The quality of the most specific range that the type is in, and a little more the more specific that range is
  private static double weight(List<MediaType> ranges, MediaType type) {
    List<Predicate<MediaType>> specific = List.of(
        range -> range.equalsTypeAndSubtype(type),
        range -> range.isWildcardSubtype() && range.getType().equals(type.getType()),
        MediaType::isWildcardType);
    for (int i = 0; i < specific.size(); i++) {
      for (MediaType range : ranges) {
        if (specific.get(i).test(range)) {
          return range.getQualityValue() == 0 ? 0 : range.getQualityValue() - i * 0.0001;
        }
      }
    }
    return 0;
  }
}
