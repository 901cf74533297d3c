#pragma once

#include <algorithm>
#include <array>
#include <initializer_list>
#include <stdexcept>
#include <utility>

#include <powerconsul/core/base64.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/json/value.hpp>
#include <powerconsul/ports/files.hpp>
#include <powerconsul/store/store.hpp>

namespace powerconsul::inline v0 {

namespace detail {

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

/// Decodes a store's file, strictly; see load_store. An object decodes once.
class store_decoder {
public:
    explicit store_decoder(std::string_view text) : text_{text} {}

    [[nodiscard]] auto decode() -> result<store> {
        const auto root = json::parse(text_);
        if (!root) return unexpected{root.error()};
        try {
            whole(*root);
        } catch (const std::runtime_error& problem) {
            return fail(errc::bad_data, problem.what());
        }
        return store{std::move(data_), std::move(self_)};
    }

private:
    using path = const std::string&;
    using value = json::value;

    static constexpr std::string_view no_name = "an empty name; expected one of at least one character";

    // --- parts of JSON; the first problem is thrown ---

    [[noreturn]] void refuse(const value& at, std::string_view where, const std::string& what) const {
        throw std::runtime_error{one_line(where.empty() ? "the store" : where, 200) + " at " +
                                 json::position(text_, at.offset) + ": " + what};
    }
    void expect(const value& found, path where, json::kind wanted) const {
        if (found.is(wanted)) return;
        refuse(found, where,
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

    /// An object whose members have the known names, or any if none is known.
    void expect_object(const value& found, path where, std::initializer_list<std::string_view> known = {}) const {
        expect(found, where, json::kind::object);
        const auto repeated = repeated_members(found);
        for (std::size_t i = 0; i < found.names.size(); ++i) {
            const std::string& name = found.names[i];
            if (algo::binary_search(repeated, i)) {
                refuse(found.items[i], member(where, name), "the name comes twice; expected it once");
            }
            if (name.empty()) refuse(found.items[i], where, std::string{no_name});
            if (known.size() == 0 || is_one_of(name, known)) continue;
            refuse(found.items[i], member(where, name), "unknown member, " + choice(name, known));
        }
    }
    /// Calls `use(name, value, place)` for the members of the object `which`, if it is there.
    template <typename Use>
    void each_member(const value& of, path where, std::string_view which, Use use) const {
        const auto* const found = of.find(which);
        if (found == nullptr) return;
        const std::string all = member(where, which);
        expect_object(*found, all);
        for (std::size_t i = 0; i < found->names.size(); ++i) {
            use(found->names[i], found->items[i], member(all, found->names[i]));
        }
    }
    /// Calls `use(value, place)` for the items of the list `which`, if it is there.
    template <typename Use>
    void each_item(const value& of, path where, std::string_view which, Use use) const {
        const auto* const found = of.find(which);
        if (found == nullptr) return;
        const std::string all = member(where, which);
        expect(*found, all, json::kind::array);
        for (std::size_t i = 0; i < found->items.size(); ++i) use(found->items[i], all + '[' + std::to_string(i) + ']');
    }
    [[nodiscard]] auto text(const value& found, path where) const -> const std::string& {
        expect(found, where, json::kind::string);
        return found.text;
    }
    [[nodiscard]] auto texts(const value& of, path where, std::string_view which) const -> std::vector<std::string> {
        std::vector<std::string> all;
        each_item(of, where, which, [&](const value& each, path at) { all.push_back(text(each, at)); });
        return all;
    }
    /// A member that is a name, so not empty; `into` stays as it is if the member is not there.
    void name(const value& of, path where, std::string_view which, std::string& into) const {
        const auto* const found = of.find(which);
        if (found == nullptr) return;
        into = text(*found, member(where, which));
        if (into.empty()) refuse(*found, member(where, which), std::string{no_name});
    }

    // --- parts of a store ---

    void whole(const value& root) {
        expect_object(root, {}, {"agent", "datacenters"});
        each_member(root, {}, "datacenters", [&](path name, const value&, path) { data_.at(name); });
        agent(root);
        // Services first, then values, so that adding a value to the file does not change a service's indexes.
        each_member(root, {}, "datacenters", [&](path name, const value& each, path where) {
            expect_object(each, where, {"kv", "kv_base64", "services"});
            each_item(each, where, "services", [&](const value& one, path at) { service(one, at, data_.at(name)); });
        });
        (void)data_.node(data_.at(self_.datacenter), self_.node);
        each_member(root, {}, "datacenters", [&](path name, const value& each, path where) {
            auto& in = data_.at(name);
            for (const std::string_view form : {"kv", "kv_base64"}) {
                each_member(each, where, form, [&](path key, const value& found, path at) {
                    if (in.kv.find(key) != nullptr) refuse(found, at, "the key is in kv too; expected it once");
                    data_.put(in, key, bytes_of(key, found, at, form == "kv_base64"));
                });
            }
        });
    }

    void agent(const value& root) {
        const auto& known = data_.datacenters();
        if (!known.empty()) self_.datacenter = known.front().name;
        const auto* const found = root.find("agent");
        if (found == nullptr) return;
        expect_object(*found, "agent", {"node", "datacenter"});
        name(*found, "agent", "node", self_.node);
        name(*found, "agent", "datacenter", self_.datacenter);
        if (known.empty() || data_.find(self_.datacenter) != nullptr) return;
        std::vector<std::string> names;
        for (const auto& each : known) names.push_back(quoted(each.name));
        refuse(*found->find("datacenter"), "agent.datacenter",
               quoted(self_.datacenter) + " is not among the datacenters, expected " + listed(names, "or"));
    }

    [[nodiscard]] auto bytes_of(path key, const value& found, path where, bool base64) const -> std::string {
        if (algo::any_of(key, ascii::is_control)) {
            refuse(found, where, "a control character in the key, which Consul refuses; remove it");
        }
        if (!is_clean_path('/' + key)) {
            refuse(found, where,
                   "Consul cannot be asked for that key; expected no empty, \".\" or \"..\" part between '/'");
        }
        auto bytes = base64 ? base64_decoded(text(found, where))
                     : found.is(json::kind::string)
                         ? found.text
                         : compact_json(text_.substr(found.offset, found.past - found.offset));
        if (!bytes) refuse(found, where, bytes.error().message);
        if (bytes->size() <= largest_store_value) return *std::move(bytes);
        refuse(
            found, where,
            std::to_string(bytes->size()) + " bytes, but Consul takes at most " + std::to_string(largest_store_value));
    }

    void service(const value& found, path where, store_datacenter& in) {
        expect_object(found, where, {"service", "node", "id", "tags", "address", "port", "checks", "node_checks"});
        for (const std::string_view needed : {"service", "node"}) {
            if (found.find(needed) == nullptr) refuse(found, where, "expected a member " + quoted(needed));
        }
        store_instance made;
        name(found, where, "service", made.service);
        name(found, where, "node", made.node);
        name(found, where, "id", made.id);
        if (made.id.empty()) made.id = made.service;
        made.tags = texts(found, where, "tags");
        const auto node_checks = texts(found, where, "node_checks");
        if (const auto* const given = found.find("address")) made.address = text(*given, member(where, "address"));
        if (const auto* const port = found.find("port")) {
            const auto number = port->as_unsigned().value_or(65536);
            if (number > 65535) refuse(*port, member(where, "port"), "expected a whole number from 0 to 65535");
            made.port = static_cast<std::uint16_t>(number);
        }
        auto& node = data_.node(in, made.node);
        if (node.instances.contains(made.id)) {
            refuse(found, where,
                   "node " + quoted(made.node) + " has a service with the id " + quoted(made.id) +
                       " already; expected another \"id\"");
        }
        const auto* const checks = found.find("checks");
        for (const auto& id : node_checks) {
            if (checks != nullptr && checks->find(id) != nullptr) continue;
            refuse(*found.find("node_checks"), member(where, "node_checks"), quoted(id) + " is not among the checks");
        }
        each_member(found, where, "checks", [&](path id, const value& each, path at) {
            auto one = check(each, at);
            const bool of_node = id == serf_health || id == node_maintenance || is_one_of(id, node_checks);
            of_node ? add_to_node(id, each, at, in.name, node, made.node, std::move(one))
                    : add_to_service(id, each, at, node, made, std::move(one));
        });
        data_.add(in, std::move(made));
    }

    void add_to_node(path id, const value& each, path at, path datacenter, store_node& node, path name,
                     store_check made) {
        const auto [before, is_new] = stated_.try_emplace({datacenter, name, id}, made);
        if (!is_new && (before->second.status != made.status || before->second.output != made.output)) {
            refuse(each, at,
                   "another service of node " + quoted(name) + " says otherwise; expected a node's check in one place");
        }
        data_.set(node.checks, id, made.status, made.output);
    }

    void add_to_service(path id, const value& each, path at, const store_node& node, store_instance& into,
                        store_check made) const {
        if (id.starts_with(service_maintenance) && id.substr(service_maintenance.size()) != into.id) {
            refuse(each, at,
                   "that is not this service's maintenance; expected " +
                       quoted(std::string{service_maintenance} + into.id));
        }
        for (const auto& [other, instance] : node.instances) {
            if (!instance.checks.contains(id)) continue;
            refuse(each, at,
                   "service " + quoted(other) + " of node " + quoted(into.node) +
                       " has a check with that id; expected another");
        }
        into.checks.emplace(id, std::move(made));
    }

    [[nodiscard]] auto check(const value& found, path where) const -> store_check {
        store_check made;
        const value* given = &found;
        std::string at = where;
        if (found.is(json::kind::object)) {
            expect_object(found, where, {"status", "output"});
            given = found.find("status");
            if (given == nullptr) refuse(found, where, "expected a member \"status\"");
            at = member(where, "status");
            if (const auto* const output = found.find("output")) made.output = text(*output, member(where, "output"));
        }
        const std::string& status = text(*given, at);
        const auto* const known = algo::find(store_status_names, status);
        if (known == std::end(store_status_names)) {
            refuse(*given, at, quoted(status) + " is no status, " + choice(status, {"passing", "warning", "critical"}));
        }
        made.status = static_cast<store_status>(known - store_status_names);
        return made;
    }

    std::string_view text_;
    store_data data_{};
    store_agent self_{};
    std::map<std::array<std::string, 3>, store_check> stated_{};  ///< by datacenter, node and id
};

}  // namespace detail

/// Reads a store from its file's text:
///
///     {"agent": {"node": "production-web2", "datacenter": "hq"},
///      "datacenters": {
///        "hq": {
///          "kv": {"cluster/production/web": {"active_nodes": ["production-web1"],
///                                            "standby_nodes": ["production-web2"]},
///                 "plain": "text value"},
///          "services": [
///            {"service": "web", "node": "production-web1",
///             "checks": {"serfHealth": "passing", "service:web": "critical"}},
///            {"service": "web", "node": "production-web2", "checks": {"service:web": "passing"}}]},
///        "dr": {}}}
///
/// `agent`: by default node `embedded` of the first datacenter, or of `dc1` if there is none. `kv`: a string is the
/// value itself, other JSON is stored as its compact text; `kv_base64` for values that are not UTF-8. A service may
/// also have `id` (default: its name), `tags`, `address` and `port`. A check is `passing`, `warning` or `critical`, or
/// has an output of its own: `{"status": "critical", "output": "no such process"}` (an empty output means that it has
/// never run). `serfHealth`, `_node_maintenance` and those that `node_checks` lists are the node's checks; serfHealth
/// passes unless it is stated. Fails with errc::bad_data for anything else, naming its place.
[[nodiscard]] inline auto load_store(std::string_view text) -> result<store> {
    return detail::store_decoder{text}.decode();
}

/// A transport over a store's file of at most 64 MiB, which it reads at the first request and never writes: what a
/// request changes is kept in memory. Fails with errc::configuration if there is no such file, errc::bad_data if it is
/// wrong.
template <file_source Files>
class file_store_transport {
public:
    file_store_transport(Files files, std::string path) : files_{std::forward<Files>(files)}, path_{std::move(path)} {}

    [[nodiscard]] auto perform(const http_request& request) -> result<http_response> {
        if (!store_) {
            if (auto done = read(); !done) return unexpected{std::move(done).error()};
        }
        return store_->perform(request);
    }

private:
    static constexpr std::size_t largest_file = 64 * 1024 * 1024;

    auto read() -> result<void> {
        auto text = files_.read(path_, largest_file);
        if (!text) return unexpected{std::move(text).error()};
        if (!*text) {
            return fail(errc::configuration,
                        "the store file " + quoted(path_) + " does not exist; create it, an empty store is {}");
        }
        auto made = load_store(**text);
        if (!made) return fail(made.error().code, "store file " + quoted(path_) + ": " + made.error().message);
        store_ = std::move(*made);
        return {};
    }

    Files files_;
    std::string path_;
    std::optional<store> store_{};
};

}  // namespace powerconsul::inline v0
