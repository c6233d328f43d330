package dev.workloads.systemtests;

import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.openqa.selenium.By;
import org.openqa.selenium.OutputType;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;

/** The distribution's Chromium, without a window. Tests that need it are left out, and say so, where it is not installed. */
final class Browser implements AutoCloseable {

  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final ChromeDriver driver;

  private Browser(Path chromium, Path chromedriver) {
    ChromeOptions options = new ChromeOptions().setBinary(chromium.toFile())
        .addArguments("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"); // root in a container has no sandbox
    driver = new ChromeDriver(
        new ChromeDriverService.Builder().usingDriverExecutable(chromedriver.toFile()).build(), options);
  }

  /** Starts the browser, or leaves the test out. */
  static Browser open() {
    Optional<Path> chromium = onPath("chromium");
    Optional<Path> chromedriver = onPath("chromedriver");
    assumeThat(chromium.isPresent() && chromedriver.isPresent())
        .as("Left out: there is no Chromium here. apt-get install chromium chromium-driver").isTrue();
    return new Browser(chromium.orElseThrow(), chromedriver.orElseThrow());
  }

  private static Optional<Path> onPath(String program) {
    return Stream.of(System.getenv("PATH").split(":")).map(directory -> Path.of(directory, program))
        .filter(Files::isExecutable).findFirst();
  }

  /** Makes the window so wide, in light or dark. */
  Browser of(int width, boolean dark) {
    driver.executeCdpCommand("Emulation.setDeviceMetricsOverride",
        Map.of("width", width, "height", 900, "deviceScaleFactor", 1, "mobile", false));
    driver.executeCdpCommand("Emulation.setEmulatedMedia",
        Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", dark ? "dark" : "light"))));
    return this;
  }

  void load(String url) {
    driver.get(url);
  }

  WebElement find(String css) {
    return driver.findElement(By.cssSelector(css));
  }

  List<WebElement> all(String css) {
    return driver.findElements(By.cssSelector(css));
  }

  /** Returns the element that has the keyboard. */
  WebElement focused() {
    return driver.switchTo().activeElement();
  }

  /** Returns what a script in the page returns. */
  Object run(String script) {
    return driver.executeScript(script);
  }

  /** Blocks until the element shows the text, for half a minute at most. */
  void awaitText(String css, String text) {
    Awaitility.await().atMost(PATIENCE).untilAsserted(() ->
        org.assertj.core.api.Assertions.assertThat(find(css).getText()).contains(text));
  }

  /** Writes a picture of what is seen into {@code target/pictures}. */
  void picture(String name) {
    try {
      Path directory = Files.createDirectories(Path.of("target", "pictures"));
      Files.write(directory.resolve(name + ".png"), driver.getScreenshotAs(OutputType.BYTES));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns what the browser has complained of: errors of scripts, and what the page's policy forbids. */
  List<String> complaints() {
    return driver.manage().logs().get("browser").getAll().stream().map(Object::toString).toList();
  }

  @Override
  public void close() {
    driver.quit();
  }
}
