#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/core/result.hpp>
#include <powerconsul/ports/transport.hpp>
#include <powerconsul/store/store.hpp>
#include <powerconsul/testing/fakes.hpp>

/// What the tests of the Consul client, of peers, resolver and check share.
namespace world {

namespace pc = powerconsul;

/// One instance as it stands in an answer of /v1/health/service; `checks` is `id=status,id=status`.
inline auto instance(std::string_view node, std::string_view datacenter, std::string_view checks) -> std::string {
    std::string text = R"({"Node":{"Node":")" + std::string{node} + R"(","Datacenter":")" + std::string{datacenter} +
                       R"("},"Service":{"ID":"web"},"Checks":[)";
    for (bool first = true; !checks.empty(); first = false) {
        const std::string_view one = checks.substr(0, checks.find(','));
        checks.remove_prefix(one.size() < checks.size() ? one.size() + 1 : one.size());
        const std::size_t equals = one.find('=');
        text += std::string{first ? "" : ","} + R"({"CheckID":")" + std::string{one.substr(0, equals)} +
                R"(","Status":")" + std::string{one.substr(equals + 1)} + "\"}";
    }
    return text + "]}";
}

inline auto list(const std::vector<std::string>& instances) -> std::string {
    std::string text = "[";
    for (const auto& each : instances) text += (text.size() > 1 ? "," : "") + each;
    return text + ']';
}

/// `GET <target>` of each request, in their order.
inline auto targets(const std::vector<pc::http_request>& requests) -> std::vector<std::string> {
    std::vector<std::string> all;
    for (const auto& each : requests) all.push_back(each.target);
    return all;
}

/// The embedded store, with a list of what it was asked.
struct recorded_store {
    pc::store& store;
    std::vector<pc::http_request> requests{};

    auto perform(const pc::http_request& request) -> pc::result<pc::http_response> {
        requests.push_back(request);
        return store.perform(request);
    }
};

/// Every answer takes its time; one that takes all of the request's is errc::timed_out, as the concept demands.
struct slow_transport {
    pc::testing::fake_transport& answers;
    pc::testing::manual_clock& time;
    pc::milliseconds takes;
    std::vector<pc::milliseconds> sent{};  ///< when, on the monotonic clock

    auto perform(const pc::http_request& request) -> pc::result<pc::http_response> {
        sent.push_back(time.monotonic());
        auto answer = answers.perform(request);
        time.advance(pc::shorter(takes, request.timeout));
        if (takes < request.timeout) return answer;
        return pc::fail(pc::errc::timed_out, "no answer in time");
    }
};

}  // namespace world
