// covers: consul/answers_json.hpp json/value.hpp consul/refusal.hpp consul/rights.hpp doctor/agent_config.hpp
// json/writer.hpp core/base64.hpp
#include <powerconsul/doctor/agent.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/consul/answers_json.hpp>
#include <powerconsul/consul/rights.hpp>
#include <powerconsul/core/base64.hpp>
#include <powerconsul/json/value.hpp>

#include "fuzz.hpp"

using namespace powerconsul;

namespace {

/// `by`: how much further on the second text has it.
void expect_same(const json::value& a, const json::value& b, std::size_t by, std::string_view text) {
    fuzz::expect(a.type == b.type && a.boolean == b.boolean && a.text == b.text && a.names == b.names,
                 "the quick reader and RapidJSON differ", text);
    fuzz::expect(a.offset + by == b.offset && a.past + by == b.past, "at another place", text);
    fuzz::expect(a.items.size() == b.items.size() && (a.name_offset == 0 || a.name_offset + by == b.name_offset),
                 "another number of values", text);
    for (std::size_t i = 0; i < a.items.size(); ++i) expect_same(a.items[i], b.items[i], by, text);
}

/// A fraction beside a text is what keeps the quick reader from it.
void parse_in_both_ways(std::string_view text) {
    const json::limits bounds;
    const auto quick = json::parse(text, bounds);
    const auto slow = json::parse('[' + std::string{text} + ",0.5]", {bounds.depth + 1, bounds.values + 2});
    const bool one = slow && slow->items.size() == 2;
    const bool mark = text.starts_with("\xEF\xBB\xBF");
    fuzz::expect(quick.has_value() == one || mark, "taken by one of the readers", text,
                 quick ? (slow ? "another number of values" : slow.error().message) : quick.error().message);
    if (!quick) {
        fuzz::expect(quick.error().code == errc::bad_data && fuzz::is_one_line(quick.error().message), "no reason",
                     quick.error().message);
        return;
    }
    expect_same(*quick, slow->items.front(), 1, text);
    fuzz::expect(quick->past <= text.size() && quick->offset < quick->past, "beyond its text", text);
}

[[nodiscard]] auto text_of(const json::value* found, std::string_view name) -> std::optional<std::string> {
    const auto* const member = found == nullptr ? nullptr : found->find(name);
    if (member == nullptr || !member->is(json::kind::string)) return std::nullopt;
    return member->text;
}

/// Against the tree of its values.
void entry(std::string_view body, std::string_view key) {
    const auto root = json::parse(body);
    const auto read = json::decode_kv_entry(body, key);
    if (!read) return;
    fuzz::expect(root && root->items.size() == 1, "an entry of what is none", body);
    const auto& only = root->items.front();
    const auto value = text_of(&only, "Value");
    const auto* const index = only.find("ModifyIndex");
    fuzz::expect(text_of(&only, "Key") == std::string{key}, "another key", body);
    fuzz::expect(index != nullptr && index->as_unsigned() == read->modify_index, "another index", body);
    fuzz::expect(base64_encoded(read->value) == value.value_or(""), "another value", body);
}

void instances(std::string_view body, std::string_view datacenter) {
    const auto read = json::decode_instances(body, datacenter);
    if (!read) return;
    const auto root = json::parse(body);
    fuzz::expect(root && root->is(json::kind::array) && root->items.size() == read->size(), "not as many", body);
    for (std::size_t i = 0; i < read->size(); ++i) {
        const auto& one = (*read)[i];
        const auto* const node = root->items[i].find("Node");
        const auto* const checks = root->items[i].find("Checks");
        fuzz::expect(text_of(node, "Node") == one.node && !one.node.empty(), "another node", body);
        fuzz::expect(datacenter.empty() || one.datacenter == datacenter, "another datacenter", body);
        fuzz::expect(checks != nullptr && checks->items.size() == one.checks.size(), "not as many checks", body);
        for (std::size_t k = 0; k < one.checks.size(); ++k) {
            const auto status = text_of(&checks->items[k], "Status");
            const auto id = text_of(&checks->items[k], "CheckID");
            fuzz::expect(id == one.checks[k].id, "another check", body);
            fuzz::expect(one.checks[k].state != health::passing || status == "passing", "better than it is", body);
            fuzz::expect(one.checks[k].state != health::warning || status == "warning", "better than it is", body);
        }
    }
}

/// No check of the node or of the service is lost or better than it is.
void node_health(std::string_view body, std::string_view service) {
    const auto root = json::parse(body);
    (void)json::decode_is_registered(body, service, "hq");
    const std::string node = root && !root->items.empty() ? text_of(&root->items.front(), "Node").value_or("") : "";
    const auto read = json::decode_node_health(body, service, node, "hq");
    if (!read) return;
    fuzz::expect(root->is(json::kind::array) && !read->instances.empty(), "nothing", body);
    std::size_t found = 0;
    for (const auto& each : read->instances) {
        for (const auto& check : each.checks) found += check.of_service == read->is_registered ? 1 : 0;
    }
    std::size_t there = 0;
    for (const auto& each : root->items) {
        const bool of_service = text_of(&each, "ServiceID") != "";
        const bool same = ascii::equal_ignoring_case(text_of(&each, "ServiceName").value_or(""), service);
        there += read->is_registered ? (of_service && same) : !of_service;
        const auto status = text_of(&each, "Status");
        if (of_service && !same) continue;
        const bool shown = std::ranges::any_of(read->instances, [&](const auto& one) {
            return std::ranges::any_of(one.checks, [&](const auto& check) {
                return check.id == text_of(&each, "CheckID") && (check.state != health::passing || status == "passing");
            });
        });
        fuzz::expect(shown, "a check is lost", body);
    }
    fuzz::expect(found == there, "another number of checks", body);
}

void lists(std::string_view body, std::string_view prefix) {
    if (const auto read = json::decode_kv_list(body, prefix)) {
        const auto root = json::parse(body);
        fuzz::expect(root && root->items.size() == read->size(), "half a list", body);
        for (const auto& each : *read) fuzz::expect(each.key.starts_with(prefix), "another key", each.key);
    }
    if (const auto root = json::parse(body); root && json::is_kv_export(*root)) {
        std::vector<json::problem> problems;
        const auto keys = json::decode_kv_export(*root, problems);
        fuzz::expect(keys.size() + problems.size() == root->items.size(), "an entry is lost", body);
    }
    const std::vector<acl_right> asked{{acl_resource::key, "a"}, {acl_resource::node, {}, true}};
    if (const auto missing = json::decode_missing_rights(body, asked)) {
        std::size_t allowed = 0;
        const auto root = json::parse(body);
        for (const auto& each : root->items) allowed += each.find("Allow")->boolean ? 1 : 0;
        fuzz::expect(missing->size() + allowed == asked.size(), "a right that nobody gave", body);
    }
}

void agent(std::string_view body) {
    const auto facts = json::decode_agent(body);
    const auto config = decode_agent_config(body);
    fuzz::expect(facts.has_value() == config.has_value(), "the two readers differ", body);
    if (facts) {
        fuzz::expect(!facts->node.empty() && !facts->datacenter.empty(), "without a name", body);
        for (const auto& each : config->checks.value_or(std::vector<configured_check>{})) {
            fuzz::expect(!each.words.empty() && each.timeout.count > 0, "a check without program or time", body);
        }
    }
    if (const auto names = json::decode_datacenters(body)) {
        fuzz::expect(!names->empty(), "no datacenter", body);
        for (const auto& each : *names) fuzz::expect(!each.empty(), "a datacenter without a name", body);
    }
}

void base64(std::string_view text) {
    fuzz::expect(base64_decoded(base64_encoded(text)).value_or("?") == text, "not what was encoded", text);
    const auto bytes = base64_decoded(text);
    fuzz::expect(!bytes || base64_encoded(*bytes) == text, "two texts for the same bytes", text);
    if (const auto time = parse_go_duration(text)) fuzz::expect(time->count >= 0, "a negative time", text);
}

/// The key or datacenter that was asked for, and the answer.
void run(std::string_view bytes) {
    fuzz::parts script{bytes};
    const std::string asked{script.next()};
    const std::string_view body = script.rest();
    parse_in_both_ways(body);
    entry(body, asked);
    instances(body, asked);
    instances(body, {});
    node_health(body, asked);
    lists(body, asked);
    agent(body);
    base64(body);
    base64(asked);
}

const fuzz::enlisted here{"consul_answers", run};

}  // namespace
