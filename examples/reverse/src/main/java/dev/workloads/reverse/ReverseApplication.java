package dev.workloads.reverse;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;

@SpringBootApplication
public class ReverseApplication {

  public static void main(String[] args) {
    SpringApplication.run(ReverseApplication.class, args);
  }
}
