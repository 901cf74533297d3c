#pragma once

#include <span>

#include <powerconsul/core/text.hpp>
#include <powerconsul/json/value.hpp>
#include <powerconsul/json/writer.hpp>
#include <powerconsul/ports/transport.hpp>

namespace powerconsul::inline v0 {

/// What Consul's ACLs guard. A right on a `prefix` covers every name that begins with the segment.
enum class acl_resource : unsigned char { key, node, service, agent };

[[nodiscard]] constexpr auto to_string(acl_resource value) -> std::string_view {
    constexpr std::string_view names[] = {"key", "node", "service", "agent"};
    return names[static_cast<unsigned char>(value)];
}

/// The right to read one thing, or all whose names begin alike.
struct acl_right {
    acl_resource resource{acl_resource::key};
    std::string segment{};
    bool prefix{};

    friend bool operator==(const acl_right&, const acl_right&) = default;
};

/// As a message names it: `key:read on cluster/production/web`, `node:read on every node named production-web…`.
[[nodiscard]] inline auto to_string(const acl_right& right) -> std::string {
    const std::string kind{to_string(right.resource)};
    if (!right.prefix) return kind + ":read on " + right.segment;
    if (right.segment.empty()) return kind + ":read on every " + kind;
    return kind + ":read on every " + kind + " named " + right.segment + "…";
}

[[nodiscard]] inline auto to_string(const std::vector<acl_right>& rights) -> std::string {
    std::vector<std::string> texts;
    for (const auto& each : rights) texts.push_back(to_string(each));
    return listed(texts);
}

}  // namespace powerconsul::inline v0

/// The question "may this token read that", `POST /v1/internal/acl/authorize`, as Consul 1.8.7 and later take and
/// answer it. They ignore `?ns=` and `?partition=` there: the scope belongs into each right that is asked for.
namespace powerconsul::inline v0::json {

inline constexpr std::size_t most_rights_at_once = 64;  ///< that it answers; more is a 400 (agent/acl_endpoint.go)

[[nodiscard]] inline auto encode_rights(std::span<const acl_right> rights, const consul_scope& in = {}) -> std::string {
    writer text;
    text.open_array();
    for (const auto& each : rights) {
        text.open_object().key("Resource").string(to_string(each.resource)).key("Access").string("read");
        text.key("Segment").string(each.segment);
        if (!in.name_space.empty()) text.key("Namespace").string(in.name_space);
        if (!in.partition.empty()) text.key("Partition").string(in.partition);
        text.close_object();
    }
    return text.close_array().text();
}

/// The rights that the token does not have. Fails with errc::bad_data unless each one asked for is answered, in order.
[[nodiscard]] inline auto decode_missing_rights(std::string_view body, std::span<const acl_right> asked)
    -> result<std::vector<acl_right>> {
    const auto wrong = [](const std::string& what) {
        return fail(errc::bad_data, "Consul's answer is not of the documented shape: " + what);
    };
    const auto root = parse(body);
    if (!root) return unexpected{root.error()};
    if (!root->is(kind::array) || root->items.size() != asked.size()) {
        return wrong("expected a list with an answer for each right that was asked for");
    }
    std::vector<acl_right> missing;
    for (std::size_t i = 0; i < asked.size(); ++i) {
        const value& answer = root->items[i];
        const auto says = [&](std::string_view name, std::string_view expected) {
            const value* const member = answer.find(name);
            if (member == nullptr) return expected.empty();  // Consul leaves out what is empty
            return member->is(kind::string) && member->text == expected;
        };
        const value* const allowed = answer.find("Allow");
        if (!says("Resource", to_string(asked[i].resource)) || !says("Segment", asked[i].segment) ||
            !says("Access", "read") || allowed == nullptr || !allowed->is(kind::boolean)) {
            return wrong("expected an answer for " + to_string(asked[i]));
        }
        if (!allowed->boolean) missing.push_back(asked[i]);
    }
    return missing;
}

}  // namespace powerconsul::inline v0::json
