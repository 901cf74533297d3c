#include <powerconsul/check.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include <powerconsul/adapters/store.hpp>
#include <powerconsul/testing/manual_clock.hpp>
#include <powerconsul/testing/memory_files.hpp>

using namespace powerconsul;

namespace {

constexpr observation seen[] = {observation::running, observation::degraded, observation::stopped,
                                observation::unknown};

/// What a row's four verdicts are, in the order of `seen`, and what Consul gets as exit status.
struct row {
    std::string_view name;
    std::string_view document;  ///< "-": there is none
    std::string_view others;    ///< of the active production-web1: serving, none serving or unknown
    verdict states[4];
    int codes[4];
    expectation expects;
};

using enum verdict;
constexpr std::string_view absent = "-";
constexpr std::string_view primary =
    R"({"active_nodes":["production-web1","production-web3"],"standby_nodes":["production-web9"]})";
constexpr std::string_view secondary = R"({"active_nodes":["production-web1"],"standby_nodes":["production-web3"]})";
constexpr std::string_view everywhere = R"({"mode":"all-active"})";
constexpr std::string_view nowhere = R"({"active_nodes":["production-web1"],"standby_nodes":["production-web9"]})";

constexpr row rows[] = {
    {"standalone, serving",
     absent,
     "serving",
     {passing, warning, critical, unknown},
     {0, 1, 2, 1},
     expectation::running},
    {"standalone, none serving",
     absent,
     "none serving",
     {passing, warning, critical, unknown},
     {0, 1, 2, 1},
     expectation::running},
    {"standalone, unknown",
     absent,
     "unknown",
     {passing, warning, critical, unknown},
     {0, 1, 2, 1},
     expectation::running},
    {"primary, serving", primary, "serving", {passing, warning, critical, unknown}, {0, 1, 2, 1}, expectation::running},
    {"primary, none serving",
     primary,
     "none serving",
     {passing, warning, critical, unknown},
     {0, 1, 2, 1},
     expectation::running},
    {"primary, unknown", primary, "unknown", {passing, warning, critical, unknown}, {0, 1, 2, 1}, expectation::running},
    {"all-active, serving",
     everywhere,
     "serving",
     {passing, warning, critical, unknown},
     {0, 1, 2, 1},
     expectation::running},
    {"all-active, none serving",
     everywhere,
     "none serving",
     {passing, warning, critical, unknown},
     {0, 1, 2, 1},
     expectation::running},
    {"all-active, unknown",
     everywhere,
     "unknown",
     {passing, warning, critical, unknown},
     {0, 1, 2, 1},
     expectation::running},
    {"secondary, serving",
     secondary,
     "serving",
     {critical, critical, passing, unknown},
     {2, 2, 0, 1},
     expectation::stopped},
    {"secondary, none serving",
     secondary,
     "none serving",
     {passing, warning, critical, unknown},
     {0, 1, 2, 1},
     expectation::running},
    {"secondary, unknown",
     secondary,
     "unknown",
     {unknown, unknown, unknown, unknown},
     {1, 1, 1, 1},
     expectation::unknown},
    {"no role, serving", nowhere, "serving", {unknown, unknown, unknown, unknown}, {1, 1, 1, 1}, expectation::unknown},
    {"no role, none serving",
     nowhere,
     "none serving",
     {unknown, unknown, unknown, unknown},
     {1, 1, 1, 1},
     expectation::unknown},
    {"no role, unknown", nowhere, "unknown", {unknown, unknown, unknown, unknown}, {1, 1, 1, 1}, expectation::unknown},
};

/// production-web3's resolution of `web` from a fresh start, over the embedded store.
auto resolved(const row& each) -> resolution {
    store consul{{.node = "production-web3", .datacenter = "hq"}};
    consul.add("hq", {.service = "web", .node = "production-web1", .checks = {{"service:web", {}}}});
    consul.add("hq",
               {.service = "web", .node = "production-web3", .checks = {{"service:web", {store_status::critical}}}});
    if (each.document != absent) consul.put("hq", "cluster/production/web", each.document);
    if (each.others == "none serving")
        (void)consul.set_check("hq", "production-web1", "serfHealth", store_status::critical);
    if (each.others == "unknown") consul.respond_with("/v1/health/", 500, "No cluster leader");
    testing::manual_clock time;
    testing::memory_files files;
    role_resolver<store&, testing::manual_clock&, testing::memory_files&> resolver{
        consul, time, files, "/state", {.who = {.host = "production-web3"}}};
    return resolver.resolve("web", seconds(8));
}

}  // namespace

TEST_CASE("from document, actives and observation to verdict and exit status, over all of them") {
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto facts = resolved(each);
        CHECK(facts.expects == each.expects);
        for (int i = 0; i < 4; ++i) {
            CAPTURE(to_string(seen[i]));
            const auto report = check("service", "apache2", facts, [&] { return observed{seen[i], ""}; });
            CHECK(report.state == each.states[i]);
            CHECK(exit_status(report.state) == each.codes[i]);
            CHECK(report.expects == each.expects);
            CHECK(report.own == facts.own);
        }
    }
}

TEST_CASE("no unknown leads to passing, and none makes a standby run") {
    for (const auto& each : rows) {
        for (int i = 0; i < 4; ++i) {
            CAPTURE(each.name);
            CAPTURE(to_string(seen[i]));
            const auto facts = resolved(each);
            const auto report = check("service", "apache2", facts, [&] { return observed{seen[i], ""}; });
            const bool unknown_of_actives = facts.own == role::secondary && facts.others.state == actives::unknown;
            if (unknown_of_actives) CHECK(report.expects == expectation::unknown);
            if (unknown_of_actives || facts.own == role::unknown || seen[i] == observation::unknown) {
                CHECK(report.state == verdict::unknown);
            }
        }
    }
}

TEST_CASE("a report carries the facts, the probe's reason first") {
    resolution facts{.own = role::secondary,
                     .expects = expectation::stopped,
                     .from = basis::cached,
                     .clustered = clustering::yes,
                     .reason = "web3 is in standby_nodes"};
    int looks = 0;
    const auto look = [&] {
        ++looks;
        return observed{observation::running, "active (running)"};
    };
    const auto report = check("service", "apache2", facts, look);
    CHECK(looks == 1);
    CHECK(report.kind == "service");
    CHECK(report.subject == "apache2");
    CHECK(report.state == critical);
    CHECK(report.expects == expectation::stopped);
    CHECK(report.seen == observation::running);
    CHECK(report.own == role::secondary);
    CHECK(report.clustered == clustering::yes);
    CHECK(report.from == basis::cached);
    CHECK(report.why == "active (running); web3 is in standby_nodes");
    CHECK(check("service", "a", facts, [] { return observed{}; }).why == "web3 is in standby_nodes");

    facts.expects = expectation::unknown;
    CHECK(check("service", "apache2", facts, look).seen == observation::running);
    CHECK(looks == 2);
    facts.own = role::unknown;
    const auto without = check("service", "apache2", facts, look);
    CHECK_MESSAGE(looks == 2, "without a role the probe is not run");
    CHECK(without.seen == observation::unknown);
    CHECK(without.state == verdict::unknown);
    CHECK(without.why == "web3 is in standby_nodes");
}
