#pragma once

#include <string_view>

#include <powerconsul/cluster/resolver.hpp>
#include <powerconsul/store/store.hpp>
#include <powerconsul/testing/fakes.hpp>

/// The table that every kind of check has to follow: document, actives and observation against verdict and exit status.
namespace truth {

using namespace powerconsul;

inline constexpr observation seen[] = {observation::running, observation::degraded, observation::stopped,
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
inline constexpr std::string_view absent = "-";
inline constexpr std::string_view primary =
    R"({"active_nodes":["production-web1","production-web3"],"standby_nodes":["production-web9"]})";
inline constexpr std::string_view secondary =
    R"({"active_nodes":["production-web1"],"standby_nodes":["production-web3"]})";
inline constexpr std::string_view everywhere = R"({"mode":"all-active"})";
inline constexpr std::string_view nowhere =
    R"({"active_nodes":["production-web1"],"standby_nodes":["production-web9"]})";

inline constexpr row rows[] = {
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

/// What Consul has in that row.
inline auto consul_of(const row& each) -> store {
    store consul{{.node = "production-web3", .datacenter = "hq"}};
    consul.add("hq", {.service = "web", .node = "production-web1", .checks = {{"service:web", {}}}});
    consul.add("hq",
               {.service = "web", .node = "production-web3", .checks = {{"service:web", {store_status::critical}}}});
    if (each.document != absent) consul.put("hq", "cluster/production/web", each.document);
    if (each.others == "none serving")
        (void)consul.set_check("hq", "production-web1", "serfHealth", store_status::critical);
    if (each.others == "unknown") consul.respond_with("/v1/health/", 500, "No cluster leader");
    return consul;
}

/// production-web3's resolution of `web` from a fresh start, over the embedded store.
inline auto resolved(const row& each) -> resolution {
    store consul = consul_of(each);
    testing::manual_clock time;
    testing::memory_files files;
    role_resolver resolver{
        consul, time, files, "/state", {.who = {.host = "production-web3"}, .wait = {{0}, {0}, {0}}}};
    return resolver.resolve("web", seconds(8));
}

}  // namespace truth
