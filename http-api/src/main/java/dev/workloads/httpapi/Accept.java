package dev.workloads.httpapi;

import jakarta.servlet.http.HttpServletRequest;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
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

  /** Returns the quality of the most specific range that has the type, less a little for each wildcard of the range. */
  private static double weight(List<MediaType> ranges, MediaType type) {
    return ranges.stream().filter(range -> range.includes(type)).min(Comparator.comparingInt(Accept::wildcards))
        .filter(range -> range.getQualityValue() > 0)
        .map(range -> range.getQualityValue() - wildcards(range) * 0.0001).orElse(0.0);
  }

  private static int wildcards(MediaType range) {
    return range.isWildcardType() ? 2 : range.isWildcardSubtype() ? 1 : 0;
  }
}
