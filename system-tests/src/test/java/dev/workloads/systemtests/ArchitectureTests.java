package dev.workloads.systemtests;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Dependencies point one way: API, transports and listener, auto-configuration, apps, dev. */
class ArchitectureTests {

  private static final String API = "dev.workloads.messaging";

  private static final String HTTP_API = "dev.workloads.httpapi..";
  private static final String LEET = "dev.workloads.leet";
  /** What an application that uses messaging-common may import. */
  private static final String[] FOR_APPLICATIONS = {API, API + ".annotation", API + ".autoconfigure",
      API + ".durable", API + ".observation"};
  private static final SliceAssignment EACH_TOP_LEVEL_CLASS_OF_NATS = new SliceAssignment() {

    @Override
    public SliceIdentifier getIdentifierOf(JavaClass candidate) {
      return candidate.getPackageName().equals(API + ".nats")
          ? SliceIdentifier.of(candidate.getName().replaceFirst("\\$.*", "")) : SliceIdentifier.ignore();
    }

    @Override
    public String getDescription() {
      return "each top-level class of the NATS transport";
    }
  };

  private static final JavaClasses CLASSES = new ClassFileImporter()
      .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
      .importPackages("dev.workloads");

  @Test
  void apiNeedsNothingButTheJdkAndJspecify() {
    classes().that().resideInAPackage(API).should().onlyDependOnClassesThat()
        .resideInAnyPackage(API, "java..", "org.jspecify..").check(CLASSES);
  }

  @Test
  void packagesHaveNoCycles() {
    slices().matching("dev.workloads.(**)").should().beFreeOfCycles().check(CLASSES);
  }

  /** So that the tests of all others can use it. */
  @Test
  void messagingTestStandsAlone() {
    noClasses().that().resideInAPackage(API + ".test").should()
        .dependOnClassesThat(otherPackagesOfMessaging(API + ".test")).check(CLASSES);
    noClasses().that().resideOutsideOfPackage(API + ".test").should().dependOnClassesThat()
        .resideInAPackage(API + ".test").check(CLASSES);
  }

  @Test
  void transportsKnowTheApiOnly() {
    noClasses().that().resideInAnyPackage(API + ".nats", API + ".inprocess").should().dependOnClassesThat(
        otherPackagesOfMessaging(API, API + ".nats", API + ".inprocess")).check(CLASSES);
    noClasses().that().resideInAPackage(API + ".inprocess").should().dependOnClassesThat()
        .resideInAPackage(API + ".nats").check(CLASSES);
  }

  @Test
  void jnatsIsKnownToItsAdapterAndTheAutoConfiguration() {
    noClasses().that().resideOutsideOfPackages(API + ".nats", API + ".autoconfigure").should().dependOnClassesThat()
        .resideInAPackage("io.nats..").check(CLASSES);
  }

  @Test
  void springBootIsForAutoConfiguration() {
    noClasses().that().resideInAnyPackage(API, API + ".nats", API + ".inprocess", API + ".listener",
        API + ".annotation", API + ".converter", API + ".observation").should().dependOnClassesThat().resideInAPackage("org.springframework.boot..")
        .check(CLASSES);
  }

  @Test
  void applicationsImportThePackagesThatAreForThem() {
    noClasses().that().resideInAnyPackage(HTTP_API, LEET, "dev.workloads.reverse")
        .should().dependOnClassesThat(otherPackagesOfMessaging(FOR_APPLICATIONS)).check(CLASSES);
  }

  @Test
  void appsDoNotKnowEachOther() {
    noClasses().that().resideInAPackage(HTTP_API).should().dependOnClassesThat()
        .resideInAnyPackage(LEET, "dev.workloads.dev").check(CLASSES);
    noClasses().that().resideInAPackage(LEET).should().dependOnClassesThat()
        .resideInAnyPackage(HTTP_API, "dev.workloads.dev").check(CLASSES);
  }

  @Test
  void tomcatIsKnownToAPackageOfItsOwn() {
    noClasses().that().resideInAPackage("dev.workloads.httpapi").should().dependOnClassesThat()
        .resideInAPackage("org.apache..").check(CLASSES);
  }

  @Test
  void noClassOfTheNatsTransportKnowsItsMaker() {
    slices().assignedFrom(EACH_TOP_LEVEL_CLASS_OF_NATS).should().beFreeOfCycles().check(CLASSES);
  }

  @Test
  void namesSayWhatAClassIs() {
    noClasses().should().haveNameMatching(".*(Impl|Manager|Helper|Utils?)").check(CLASSES);
  }

  private static DescribedPredicate<JavaClass> otherPackagesOfMessaging(String... allowed) {
    return DescribedPredicate.describe("are in another package of messaging", candidate ->
        candidate.getPackageName().startsWith(API) && !List.of(allowed).contains(candidate.getPackageName()));
  }
}
