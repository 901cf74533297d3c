#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/core/ascii.hpp>
#include <powerconsul/core/base64.hpp>
#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/json/value.hpp>
#include <powerconsul/store/data.hpp>
#include <powerconsul/store/url.hpp>

namespace powerconsul::inline v0 {

/// A valid JSON text as it is written, but without the white space between its tokens.
[[nodiscard]] inline auto compact_json(std::string_view text) -> std::string {
    std::string compact;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string || std::string_view{" \t\r\n"}.find(c) == std::string_view::npos) compact += c;
        if (in_string && c == '\\') compact += text[++i];
        if (c == '"') in_string = !in_string;
    }
    return compact;
}

struct decoded_store {
    store_data data{};
    store_agent agent{};
};

/// Decodes a store's file, strictly; see load_store in store/file.hpp. An object decodes once.
class store_decoder {
public:
    explicit store_decoder(std::string_view text) : text_{text} {}

    [[nodiscard]] auto decode() -> result<decoded_store> {
        const auto root = json::parse(text_);
        if (!root) return unexpected{root.error()};
        whole(*root);
        if (problem_) return unexpected{*std::move(problem_)};
        return std::move(made_);
    }

private:
    using path = const std::string&;

    inline static const json::value no_members{.type = json::kind::object};
    static constexpr std::string_view no_name = "an empty name; expected one of at least one character";

    // --- parts of JSON; only the first problem is reported ---

    auto wrong(const json::value& at, std::string_view where, std::string_view what) -> bool {
        if (problem_) return false;
        const std::string name = where.empty() ? "the store" : std::string{where};
        problem_ = error{errc::bad_data,
                         one_line(name, 200) + " at " + json::position(text_, at.offset) + ": " + std::string{what}};
        return false;
    }
    auto is(const json::value& found, path where, json::kind wanted) -> bool {
        if (found.is(wanted)) return true;
        return wrong(found, where,
                     "expected " + std::string{described(wanted)} + ", found " + std::string{described(found.type)});
    }
    static auto member(path of, std::string_view name) -> std::string {
        return of.empty() ? std::string{name} : of + '.' + std::string{name};
    }
    static auto choice(std::string_view name, std::initializer_list<std::string_view> known) -> std::string {
        const auto meant = nearest(name, known);
        return "expected " + listed({known.begin(), known.end()}, "or") +
               (meant.empty() ? "" : "; did you mean " + quoted(meant));
    }

    auto object(const json::value& found, path where) -> bool {
        if (!is(found, where, json::kind::object)) return false;
        std::set<std::string_view> seen;
        for (std::size_t i = 0; i < found.names.size(); ++i) {
            const std::string_view name = found.names[i];
            if (!seen.insert(name).second) {
                return wrong(found.items[i], member(where, name), "the name comes twice; expected it once");
            }
            if (name.empty()) return wrong(found.items[i], where, no_name);
        }
        return true;
    }
    auto object(const json::value& found, path where, std::initializer_list<std::string_view> known) -> bool {
        if (!object(found, where)) return false;
        for (std::size_t i = 0; i < found.names.size(); ++i) {
            const std::string_view name = found.names[i];
            if (is_one_of(name, known)) continue;
            return wrong(found.items[i], member(where, name), "unknown member, " + choice(name, known));
        }
        return true;
    }
    auto text(const json::value& found, path where, std::string& into) -> bool {
        if (!is(found, where, json::kind::string)) return false;
        into = found.text;
        return true;
    }
    /// A member that is a name, so not empty; `into` stays as it is if the member is not there.
    auto name(const json::value& of, path where, std::string_view which, std::string& into) -> bool {
        const auto* const found = of.find(which);
        if (found == nullptr) return true;
        if (!text(*found, member(where, which), into)) return false;
        return !into.empty() || wrong(*found, member(where, which), no_name);
    }
    auto texts(const json::value& of, path where, std::string_view which, std::vector<std::string>& into) -> bool {
        const auto* const found = of.find(which);
        if (found == nullptr) return true;
        const std::string list = member(where, which);
        if (!is(*found, list, json::kind::array)) return false;
        for (std::size_t i = 0; i < found->items.size(); ++i) {
            into.emplace_back();
            if (!text(found->items[i], list + '[' + std::to_string(i) + ']', into.back())) return false;
        }
        return true;
    }

    // --- parts of a store ---

    auto whole(const json::value& root) -> bool {
        if (!object(root, {}, {"agent", "datacenters"})) return false;
        const auto* const given = root.find("datacenters");
        const auto& all = given != nullptr ? *given : no_members;
        if (!object(all, "datacenters")) return false;
        for (const auto& each : all.names) made_.data.at(each);
        if (!agent(root)) return false;
        // Services first, then values, so that adding a value to the file does not change a service's indexes.
        for (std::size_t i = 0; i < all.names.size(); ++i) {
            const std::string where = member("datacenters", all.names[i]);
            if (!object(all.items[i], where, {"kv", "kv_base64", "services"})) return false;
            if (!services(all.items[i], where, made_.data.at(all.names[i]))) return false;
        }
        (void)made_.data.node(made_.data.at(made_.agent.datacenter), made_.agent.node);
        for (std::size_t i = 0; i < all.names.size(); ++i) {
            if (!values(all.items[i], member("datacenters", all.names[i]), made_.data.at(all.names[i]))) return false;
        }
        return true;
    }

    auto agent(const json::value& root) -> bool {
        auto& self = made_.agent;
        const auto& known = made_.data.datacenters();
        if (!known.empty()) self.datacenter = known.front().name;
        const auto* const found = root.find("agent");
        if (found == nullptr) return true;
        if (!object(*found, "agent", {"node", "datacenter"})) return false;
        if (!name(*found, "agent", "node", self.node)) return false;
        if (!name(*found, "agent", "datacenter", self.datacenter)) return false;
        if (known.empty() || made_.data.find(self.datacenter) != nullptr) return true;
        std::vector<std::string> names;
        names.reserve(known.size());
        for (const auto& each : known) names.push_back(quoted(each.name));
        return wrong(*found->find("datacenter"), "agent.datacenter",
                     quoted(self.datacenter) + " is not among the datacenters, expected " + listed(names, "or"));
    }

    auto values(const json::value& of, path where, store_datacenter& in) -> bool {
        for (const std::string_view form : {"kv", "kv_base64"}) {
            const auto* const found = of.find(form);
            if (found == nullptr) continue;
            if (!object(*found, member(where, form))) return false;
            for (std::size_t i = 0; i < found->names.size(); ++i) {
                const auto& key = found->names[i];
                const std::string at = member(member(where, form), key);
                std::string bytes;
                if (in.kv.find(key) != nullptr)
                    return wrong(found->items[i], at, "the key is in kv too; expected it once");
                if (!value(key, found->items[i], at, form == "kv_base64", bytes)) return false;
                made_.data.put(in, key, bytes);
            }
        }
        return true;
    }
    auto value(path key, const json::value& found, path where, bool base64, std::string& into) -> bool {
        if (std::ranges::any_of(key, ascii::is_control)) {
            return wrong(found, where, "a control character in the key, which Consul refuses; remove it");
        }
        if (!is_clean_path('/' + key)) {
            return wrong(found, where,
                         "Consul cannot be asked for that key; expected no empty, \".\" or \"..\" part between '/'");
        }
        if (!base64) {
            into = found.is(json::kind::string) ? found.text
                                                : compact_json(text_.substr(found.offset, found.past - found.offset));
        } else {
            if (!text(found, where, into)) return false;
            auto bytes = base64_decoded(into);
            if (!bytes) return wrong(found, where, bytes.error().message);
            into = *std::move(bytes);
        }
        if (into.size() <= largest_store_value) return true;
        return wrong(
            found, where,
            std::to_string(into.size()) + " bytes, but Consul takes at most " + std::to_string(largest_store_value));
    }

    auto services(const json::value& of, path where, store_datacenter& in) -> bool {
        const auto* const found = of.find("services");
        if (found == nullptr) return true;
        const std::string list = member(where, "services");
        if (!is(*found, list, json::kind::array)) return false;
        for (std::size_t i = 0; i < found->items.size(); ++i) {
            if (!service(found->items[i], list + '[' + std::to_string(i) + ']', in)) return false;
        }
        return true;
    }

    auto service(const json::value& found, path where, store_datacenter& in) -> bool {
        if (!object(found, where, {"service", "node", "id", "tags", "address", "port", "checks", "node_checks"})) {
            return false;
        }
        store_instance made;
        for (const std::string_view needed : {"service", "node"}) {
            if (found.find(needed) == nullptr) return wrong(found, where, "expected a member " + quoted(needed));
        }
        std::vector<std::string> node_checks;
        const bool read = name(found, where, "service", made.service) && name(found, where, "node", made.node) &&
                          name(found, where, "id", made.id) && texts(found, where, "tags", made.tags) &&
                          texts(found, where, "node_checks", node_checks);
        if (!read) return false;
        if (made.id.empty()) made.id = made.service;
        if (const auto* const address = found.find("address")) {
            if (!text(*address, member(where, "address"), made.address)) return false;
        }
        if (const auto* const port = found.find("port")) {
            const auto number = port->as_unsigned();
            if (!number || *number > 65535) {
                return wrong(*port, member(where, "port"), "expected a whole number from 0 to 65535");
            }
            made.port = static_cast<std::uint16_t>(*number);
        }
        auto& node = made_.data.node(in, made.node);
        if (node.instances.contains(made.id)) {
            return wrong(found, where,
                         "node " + quoted(made.node) + " has a service with the id " + quoted(made.id) +
                             " already; expected another \"id\"");
        }
        return checks(found, where, in.name, node, node_checks, made) && (made_.data.add(in, std::move(made)), true);
    }

    auto checks(const json::value& of, path where, path datacenter, store_node& node,
                const std::vector<std::string>& node_checks, store_instance& into) -> bool {
        const auto* const found = of.find("checks");
        const auto& all = found != nullptr ? *found : no_members;
        const std::string list = member(where, "checks");
        if (!object(all, list)) return false;
        for (const auto& id : node_checks) {
            if (all.find(id) == nullptr) {
                return wrong(*of.find("node_checks"), member(where, "node_checks"),
                             quoted(id) + " is not among the checks");
            }
        }
        for (std::size_t i = 0; i < all.names.size(); ++i) {
            const auto& id = all.names[i];
            const std::string at = member(list, id);
            store_check made;
            if (!check(all.items[i], at, made)) return false;
            if (id == serf_health || id == node_maintenance || is_one_of(id, node_checks)) {
                const auto [before, is_new] = stated_.try_emplace({datacenter, into.node, id}, made);
                if (!is_new && (before->second.status != made.status || before->second.output != made.output)) {
                    return wrong(all.items[i], at,
                                 "another service of node " + quoted(into.node) +
                                     " says otherwise; expected a node's check in one place");
                }
                made_.data.set(node.checks, id, made.status, made.output);
                continue;
            }
            if (id.starts_with(service_maintenance) && id.substr(service_maintenance.size()) != into.id) {
                return wrong(all.items[i], at,
                             "that is not this service's maintenance; expected " +
                                 quoted(std::string{service_maintenance} + into.id));
            }
            for (const auto& [other, instance] : node.instances) {
                if (instance.checks.contains(id)) {
                    return wrong(all.items[i], at,
                                 "service " + quoted(other) + " of node " + quoted(into.node) +
                                     " has a check with that id; expected another");
                }
            }
            into.checks.emplace(id, std::move(made));
        }
        return true;
    }

    auto check(const json::value& found, path where, store_check& into) -> bool {
        const json::value* given = &found;
        std::string at = where;
        if (found.is(json::kind::object)) {
            if (!object(found, where, {"status", "output"})) return false;
            given = found.find("status");
            if (given == nullptr) return wrong(found, where, "expected a member \"status\"");
            at = member(where, "status");
            if (const auto* const output = found.find("output")) {
                if (!text(*output, member(where, "output"), into.output.emplace())) return false;
            }
        }
        std::string status;
        if (!text(*given, at, status)) return false;
        for (const auto each : {store_status::passing, store_status::warning, store_status::critical}) {
            into.status = each;
            if (to_string(each) == status) return true;
        }
        return wrong(*given, at,
                     quoted(status) + " is no status, " + choice(status, {"passing", "warning", "critical"}));
    }

    std::string_view text_;
    decoded_store made_{};
    std::optional<error> problem_{};
    std::map<std::array<std::string, 3>, store_check> stated_{};  ///< by datacenter, node and id
};

}  // namespace powerconsul::inline v0
