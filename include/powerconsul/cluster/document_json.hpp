#pragma once

#include <array>

#include <powerconsul/cluster/document.hpp>
#include <powerconsul/json/value.hpp>

namespace powerconsul::inline v0::json {

/// A cluster document as it was read. `document` may be used only if there is no problem.
struct cluster_reading {
    std::optional<value> root{};      ///< nothing if the text is no JSON
    std::vector<problem> problems{};  ///< all of them, as far as one does not hide another; the first is the error
    cluster_document document{};
};

namespace detail {

/// Decodes a cluster document. Members that it does not know are passed over, as the original does, so that a comment
/// in a document harms nothing; what it does know must be whole.
class cluster_decoder {
public:
    explicit cluster_decoder(cluster_reading& read) : problems_{read.problems}, rules_{read.document.rules} {}

    void document(const value& root) {
        if (!checked(root, "the document")) return;
        const value* const filter = root.find("filter");
        if (filter == nullptr) {
            rules_.push_back({{}, group(root, "the document")});
            return;
        }
        if (!checked(*filter, "filter")) return;
        if (filter->items.empty()) {
            wrong(filter->offset, "filter",
                  R"(has no expression; expected one, as in {"^production-web": {"active_nodes": …}})");
        }
        for (std::size_t i = 0; i < filter->items.size() && !full(); ++i) {
            const std::string& expression = filter->names[i];
            const value& object = filter->items[i];
            if (i == most_expressions) {
                return wrong(object.name_offset, "filter",
                             "from " + quoted(expression) + " on there are too many expressions; expected at most " +
                                 std::to_string(most_expressions));
            }
            // Compiled now, so that a document is valid for all nodes or for none.
            if (auto valid = matches_at_start(expression, ""); !valid) {
                wrong(object.name_offset, "filter", valid.error().message);
            }
            const std::string where = "filter." + quoted(expression);
            if (checked(object, where)) rules_.push_back({expression, group(object, where)});
        }
    }

private:
    /// All of them may be compiled and matched for one lookup: some milliseconds, unless they are made to take long.
    static constexpr std::size_t most_expressions = 4000;

    /// A list of a group: its member, nullptr if there is none, and what is in it.
    struct list_reading {
        const value* at{};
        std::vector<std::string> found{};
    };

    [[nodiscard]] auto full() const -> bool { return problems_.size() == most_problems; }

    void wrong(std::size_t offset, std::string_view where, std::string what) {
        if (!full()) problems_.push_back({std::string{where}, offset, std::move(what)});
    }

    /// An object in which no name comes twice: of two lists with one name, neither can be trusted.
    [[nodiscard]] auto checked(const value& object, std::string_view where) -> bool {
        if (!object.is(kind::object)) {
            wrong(object.offset, where, "expected an object, found " + std::string{described(object.type)});
            return false;
        }
        for (const std::size_t i : repeated_members(object)) {
            if (full()) break;
            wrong(object.items[i].name_offset, where, "the name " + quoted(object.names[i]) + " comes twice; keep one");
        }
        return true;
    }

    /// A list of names, or one name where a list is meant.
    [[nodiscard]] auto list(const value& object, std::string_view member) -> list_reading {
        list_reading read{object.find(member)};
        if (read.at == nullptr) return read;
        const value& listed = *read.at;
        const bool single = listed.is(kind::string);
        if (!single && !listed.is(kind::array)) {
            wrong(listed.offset, member, "expected a list of names, found " + std::string{described(listed.type)});
            return read;
        }
        if (!single && listed.items.empty()) wrong(listed.offset, member, "the list is empty; name at least one");
        for (std::size_t i = 0; i < (single ? 1 : listed.items.size()) && !full(); ++i) {
            const value& each = single ? listed : listed.items[i];
            const auto refuse = [&](const std::string& what) {
                wrong(each.offset, std::string{member} + (single ? "" : '[' + std::to_string(i) + ']'), what);
            };
            if (!each.is(kind::string)) {
                refuse("expected a name, found " + std::string{described(each.type)});
            } else if (each.text.find('/') != std::string::npos) {
                refuse("the name " + quoted(each.text) + " contains '/'; expected the name of one node or datacenter");
            } else if (auto valid = validate_segment("the name", each.text); !valid) {
                refuse(valid.error().message + "; expected the name of one node or datacenter");
            } else {
                read.found.push_back(each.text);
            }
        }
        return read;
    }

    /// `plural`, or the singular spelling that the original reads; both at once are refused.
    [[nodiscard]] auto list(const value& object, std::string_view plural, std::string_view singular) -> list_reading {
        const value* const other = object.find(singular);
        const bool both = other != nullptr && object.find(plural) != nullptr;
        if (both) wrong(other->name_offset, singular, "stands beside " + std::string{plural} + "; keep one of the two");
        return list(object, other == nullptr || both ? plural : singular);
    }

    [[nodiscard]] auto group(const value& object, const std::string& where) -> cluster_group {
        list_reading nodes[] = {list(object, "active_nodes"), list(object, "standby_nodes")};
        list_reading datacenters[] = {list(object, "active_datacenters", "active_datacenter"),
                                      list(object, "standby_datacenters", "standby_datacenter")};
        const bool by_nodes = nodes[0].at != nullptr || nodes[1].at != nullptr;
        const bool by_datacenters = datacenters[0].at != nullptr || datacenters[1].at != nullptr;
        if (const value* const mode = object.find("mode")) {
            if (!mode->is(kind::string) || mode->text != "all-active") {
                wrong(mode->offset, "mode",
                      R"(expected "all-active", the only mode, found )" +
                          (mode->is(kind::string) ? quoted(mode->text) : std::string{described(mode->type)}));
            } else if (by_nodes || by_datacenters) {
                wrong(mode->offset, "mode", "all-active has no lists; remove one or the other");
            }
            return {};
        }
        if (by_nodes && by_datacenters) {
            wrong(object.offset, where, "lists of nodes and of datacenters exclude each other; keep one kind");
            return {};
        }
        if (!by_nodes && !by_datacenters) {
            missing_lists(object, where);
            return {};
        }
        auto& [active, standby] = by_nodes ? nodes : datacenters;
        const grouping by = by_nodes ? grouping::nodes : grouping::datacenters;
        if (active.at == nullptr || standby.at == nullptr) {
            const auto missing =
                powerconsul::detail::list_name(by, active.at != nullptr ? role::secondary : role::primary);
            if (misspelt(object, where, std::array{missing, missing.substr(0, missing.size() - 1)}, missing)) return {};
            wrong(object.offset, where, std::string{missing} + " is missing; both lists are needed");
        }
        const powerconsul::detail::node_names standbys{standby.found};
        for (const auto& name : active.found) {
            if (full()) break;
            if (!standbys.hold(name)) continue;
            wrong(spot_of(name, *standby.at), where, quoted(name) + " is both active and standby");
        }
        return {by, std::move(active.found), std::move(standby.found)};
    }

    [[nodiscard]] static auto spot_of(std::string_view name, const value& listed) -> std::size_t {
        for (const auto& each : listed.items) {
            if (each.is(kind::string) && same_node(each.text, name)) return each.offset;
        }
        return listed.offset;
    }

    /// Whether a member has nearly one of the known names; `meant` is the one to write instead, if that is not it.
    [[nodiscard]] auto misspelt(const value& object, std::string_view where, const auto& known, std::string_view meant)
        -> bool {
        for (std::size_t i = 0; i < object.names.size(); ++i) {
            const auto near = nearest(object.names[i], known);
            if (near.empty()) continue;
            wrong(
                object.items[i].name_offset, where,
                quoted(object.names[i]) + " is not known; did you mean " + quoted(meant.empty() ? near : meant) + '?');
            return true;
        }
        return false;
    }

    void missing_lists(const value& object, const std::string& where) {
        constexpr std::string_view known[] = {"active_nodes",        "standby_nodes", "active_datacenters",
                                              "standby_datacenters", "filter",        "mode"};
        if (const value* const filter = object.find("filter")) {
            return wrong(filter->name_offset, where,
                         "a filter within a filter is not taken; expected the lists or mode");
        }
        if (misspelt(object, where, known, {})) return;
        wrong(object.offset, where,
              "expected active_nodes with standby_nodes, active_datacenters with standby_datacenters, filter, or mode");
    }

    std::vector<problem>& problems_;
    std::vector<cluster_rule>& rules_;
};

}  // namespace detail

/// Reads the text of a cluster document and goes on behind what is wrong in it.
[[nodiscard]] inline auto read_cluster_document(std::string_view text) -> cluster_reading {
    cluster_reading read;
    problem wrong{{}, {}, "the value is empty; delete the key to make the service standalone"};
    if (!text.empty()) read.root = parse(text, wrong);
    if (read.root) {
        detail::cluster_decoder{read}.document(*read.root);
    } else {
        read.problems.push_back(std::move(wrong));
    }
    return read;
}

/// Decodes the text of a cluster document. Fails with errc::bad_data, naming the member, its place and what was
/// expected. A document that decodes is valid for every node, whether or not it speaks of this one.
[[nodiscard]] inline auto decode_cluster_document(std::string_view text) -> result<cluster_document> {
    auto read = read_cluster_document(text);
    if (!read.problems.empty()) return fail(errc::bad_data, sentence(read.problems.front(), text));
    return std::move(read.document);
}

}  // namespace powerconsul::inline v0::json
