package dev.workloads.messaging.durable.autoconfigure;

import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpFilter;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Refuses what another site may have made a browser send, to the endpoint {@code tasks} and its page: a foreign origin, a foreign
 * name for this machine (DNS rebinding), and changes that a form could send. Safe for use by many threads.
 */
final class OperatorRequestFilter extends HttpFilter {

  private static final long serialVersionUID = 1L;
  private static final Set<String> SAFE_METHODS = Set.of("GET", "HEAD", "OPTIONS");
  private static final String ADDRESS = "\\d{1,3}(\\.\\d{1,3}){3}|\\[[0-9a-f:.]+]|localhost";

  private final transient List<String> allowedHosts;

  OperatorRequestFilter(List<String> allowedHosts) {
    this.allowedHosts = allowedHosts.stream().map(host -> host.toLowerCase(Locale.ROOT)).toList();
  }

  @Override
  protected void doFilter(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
      throws IOException, ServletException {
    if ("cross-site".equalsIgnoreCase(request.getHeader("Sec-Fetch-Site"))) {
      refuse(response, HttpServletResponse.SC_FORBIDDEN, "Another site has sent this request. Open this address by itself.");
    } else if (!isAllowed(request.getHeader("Host"))) {
      refuse(response, HttpServletResponse.SC_FORBIDDEN, "This host name is not known here. Use localhost or an address, or add "
          + "the name to " + DurableProperties.PREFIX + ".operations.allowed-hosts.");
    } else if (!SAFE_METHODS.contains(request.getMethod()) && !isJson(request.getContentType())) {
      refuse(response, HttpServletResponse.SC_UNSUPPORTED_MEDIA_TYPE, "Send JSON, with Content-Type: application/json.");
    } else {
      response.setHeader("X-Content-Type-Options", "nosniff");
      if (request.getRequestURI().endsWith("/payload")) { // which may be a page that somebody wants an operator to open
        response.setHeader("Content-Disposition", "attachment");
      }
      chain.doFilter(request, response);
    }
  }

  private boolean isAllowed(@Nullable String host) {
    String name = host == null ? "" : host.toLowerCase(Locale.ROOT).replaceFirst(":\\d{1,5}$", "");
    return name.matches(ADDRESS) || allowedHosts.contains(name);
  }

  private static boolean isJson(@Nullable String contentType) {
    return contentType != null && contentType.split(";", 2)[0].strip().equalsIgnoreCase("application/json");
  }

  private static void refuse(HttpServletResponse response, int status, String text) throws IOException {
    response.setStatus(status);
    response.setContentType("text/plain;charset=UTF-8");
    response.getWriter().println(text);
  }
}
