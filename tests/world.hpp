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

/// The target of each request, in their order; in place of a filter's text stands `...`.
inline auto targets(const std::vector<pc::http_request>& requests) -> std::vector<std::string> {
    std::vector<std::string> all;
    for (const auto& each : requests) {
        const std::size_t at = each.target.find("filter=");
        all.push_back(each.target.substr(0, at == std::string::npos ? at : at + 7) +
                      (at == std::string::npos ? "" : "..."));
    }
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

/// A value as JSON again.
inline auto text_of(const pc::json::value& of) -> std::string {
    using pc::json::kind;
    pc::json::writer to;
    if (of.is(kind::string)) return to.string(of.text).text();
    if (of.is(kind::number)) return of.text;
    if (of.is(kind::boolean)) return of.boolean ? "true" : "false";
    if (!of.is(kind::array) && !of.is(kind::object)) return "null";
    std::string text;
    for (std::size_t i = 0; i < of.items.size(); ++i) {
        text += i == 0 ? "" : ",";
        if (of.is(kind::object)) text += pc::json::writer{}.string(of.names[i]).text() + ':';
        text += text_of(of.items[i]);
    }
    return of.is(kind::array) ? '[' + text + ']' : '{' + text + '}';
}

/// Answers what is asked for single nodes, or with a filter, from the scripted lists of all instances of `web`: what is
/// scripted for `/v1/health/service/web` in the same datacenter and with the same consistency. An answer that is no
/// such list is given as it is.
template <typename Transport>
struct from_lists {
    Transport& lists;

    auto perform(const pc::http_request& request) -> pc::result<pc::http_response> {
        const std::size_t mark = request.target.find('?');
        const std::string path = request.target.substr(0, mark);
        const auto query = mark == std::string::npos ? std::string{} : request.target.substr(mark + 1);
        const std::size_t at = query.find("filter=");
        const bool of_node = path.starts_with("/v1/health/node/") || path.starts_with("/v1/catalog/node/");
        if (!of_node && at == std::string::npos) return lists.perform(request);
        const std::string rest = at == std::string::npos ? query : query.substr(0, at == 0 ? 0 : at - 1);
        auto answer = lists.perform(
            {request.method, "/v1/health/service/web" + (rest.empty() ? rest : '?' + rest), {}, request.timeout});
        if (!answer || answer->status != 200) return answer;
        const auto read = pc::json::parse(answer->body);
        if (!read || !read->is(pc::json::kind::array)) return answer;
        const std::string node = path.substr(path.rfind('/') + 1);
        const auto filter = pc::store_filter::read(pc::query_parameter(query, "filter").value_or(""));
        std::string text = "[";
        bool is_there = false;
        const auto add = [&](const std::string& one) { text += (text.size() > 1 ? "," : "") + one; };
        for (std::size_t i = 0; i < read->items.size(); ++i) {
            const auto& each = read->items[i];
            const std::string whole = text_of(each);
            const auto* const name = each.find("Node") == nullptr ? nullptr : each.find("Node")->find("Node");
            if (name == nullptr) return answer;
            if (!of_node) {
                if (filter->takes("Node.Node", name->text)) add(whole);
                continue;
            }
            if (name->text != node) continue;
            is_there = true;
            for (const auto& check : each.find("Checks")->items) {
                const std::string one = text_of(check);
                const bool own = one.find("\"CheckID\":\"_node_maintenance\"") != std::string::npos ||
                                 one.find("\"CheckID\":\"serfHealth\"") != std::string::npos;
                const std::string id = own ? "" : "web" + std::to_string(i);
                add(R"({"Node":")" + node + R"(","ServiceID":")" + id + R"(","ServiceName":")" + (own ? "" : "web") +
                    "\"," + one.substr(1));
            }
        }
        answer->body = text + ']';
        if (path.starts_with("/v1/catalog/")) {
            answer->body =
                is_there ? R"({"Node":{"Node":")" + node + R"("},"Services":{"web":{"Service":"web"}}})" : "null";
        }
        return answer;
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
