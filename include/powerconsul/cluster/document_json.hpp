#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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
    void document(const value& root) {
        if (!checked(root, "the document")) return;
        const value* const filter = root.find("filter");
        if (filter == nullptr) {
            decoded_.rules.push_back({{}, group(root, "the document")});
            return;
        }
        if (!checked(*filter, "filter")) return;
        if (filter->items.empty()) {
            wrong(*filter, "filter",
                  R"(has no expression; expected one, as in {"^production-web": {"active_nodes": …}})");
        }
        for (std::size_t i = 0; i < filter->items.size() && !full(); ++i) {
            const std::string& expression = filter->names[i];
            if (i == most_expressions) {
                return wrong(filter->items[i], "filter",
                             "from " + quoted(expression) + " on there are too many expressions; expected at most " +
                                 std::to_string(most_expressions),
                             filter->items[i].name_offset);
            }
            // Compiled now, so that a document is valid for all nodes or for none.
            if (auto valid = matches_at_start(expression, ""); !valid) {
                wrong(filter->items[i], "filter", valid.error().message, filter->items[i].name_offset);
            }
            const std::string where = "filter." + quoted(expression);
            if (checked(filter->items[i], where))
                decoded_.rules.push_back({expression, group(filter->items[i], where)});
        }
    }

    [[nodiscard]] auto problems() -> std::vector<problem>& { return problems_; }
    [[nodiscard]] auto decoded() -> cluster_document& { return decoded_; }

private:
    using names = std::vector<std::string>;

    /// All of them may be compiled and matched for one lookup: some milliseconds, unless they are made to take long.
    static constexpr std::size_t most_expressions = 4000;

    /// A list of a group: is its member there, and what is in it.
    struct list_reading {
        const value* at{};
        names found{};

        [[nodiscard]] auto is_there() const -> bool { return at != nullptr; }
    };

    [[nodiscard]] auto full() const -> bool { return problems_.size() == most_problems; }

    void wrong(const value& at, std::string_view where, std::string_view what,
               std::optional<std::size_t> spot = std::nullopt) {
        if (full()) return;
        const std::size_t offset = spot.value_or(at.offset);
        problems_.push_back({std::string{where}, offset, std::string{what}, offset});
    }

    /// An object in which no name comes twice: of two lists with one name, neither can be trusted.
    [[nodiscard]] auto checked(const value& object, std::string_view where) -> bool {
        if (!object.is(kind::object)) {
            wrong(object, where, "expected an object, found " + std::string{described(object.type)});
            return false;
        }
        for (const std::size_t i : repeated_members(object)) {
            if (full()) break;
            wrong(object.items[i], where, "the name " + quoted(object.names[i]) + " comes twice; keep one",
                  object.items[i].name_offset);
        }
        return true;
    }

    /// A list of names, or one name where a list is meant.
    [[nodiscard]] auto list(const value& object, std::string_view member) -> list_reading {
        list_reading read{object.find(member)};
        if (!read.is_there()) return read;
        const value& listed = *read.at;
        const bool single = listed.is(kind::string);
        if (!single && !listed.is(kind::array)) {
            wrong(listed, member, "expected a list of names, found " + std::string{described(listed.type)});
            return read;
        }
        if (!single && listed.items.empty()) wrong(listed, member, "the list is empty; name at least one");
        for (std::size_t i = 0; i < (single ? 1 : listed.items.size()) && !full(); ++i) {
            const value& each = single ? listed : listed.items[i];
            const auto where = [&] {
                return single ? std::string{member} : std::string{member} + '[' + std::to_string(i) + ']';
            };
            if (!each.is(kind::string)) {
                wrong(each, where(), "expected a name, found " + std::string{described(each.type)});
            } else if (each.text.find('/') != std::string::npos) {
                wrong(each, where(),
                      "the name " + quoted(each.text) + " contains '/'; expected the name of one node or datacenter");
            } else if (auto valid = validate_segment("the name", each.text); !valid) {
                wrong(each, where(), valid.error().message + "; expected the name of one node or datacenter");
            } else {
                read.found.push_back(each.text);
            }
        }
        return read;
    }

    /// `plural`, or the singular spelling that the original reads; both at once are refused.
    [[nodiscard]] auto list(const value& object, std::string_view plural, std::string_view singular) -> list_reading {
        const value* const other = object.find(singular);
        if (other == nullptr) return list(object, plural);
        if (object.find(plural) == nullptr) return list(object, singular);
        wrong(*other, singular, "stands beside " + std::string{plural} + "; keep one of the two", other->name_offset);
        return list(object, plural);
    }

    [[nodiscard]] auto group(const value& object, const std::string& where) -> cluster_group {
        auto active_nodes = list(object, "active_nodes");
        auto standby_nodes = list(object, "standby_nodes");
        auto active_datacenters = list(object, "active_datacenters", "active_datacenter");
        auto standby_datacenters = list(object, "standby_datacenters", "standby_datacenter");

        const bool by_nodes = active_nodes.is_there() || standby_nodes.is_there();
        const bool by_datacenters = active_datacenters.is_there() || standby_datacenters.is_there();
        if (const value* const mode = object.find("mode"); mode != nullptr) {
            if (!mode->is(kind::string) || mode->text != "all-active") {
                wrong(*mode, "mode",
                      R"(expected "all-active", the only mode, found )" +
                          (mode->is(kind::string) ? quoted(mode->text) : std::string{described(mode->type)}));
            } else if (by_nodes || by_datacenters) {
                wrong(*mode, "mode", "all-active has no lists; remove one or the other");
            }
            return {};
        }
        if (by_nodes && by_datacenters) {
            wrong(object, where, "lists of nodes and of datacenters exclude each other; keep one kind");
            return {};
        }
        if (!by_nodes && !by_datacenters) {
            missing_lists(object, where);
            return {};
        }
        return by_nodes ? paired(object, where, grouping::nodes, std::move(active_nodes), std::move(standby_nodes))
                        : paired(object, where, grouping::datacenters, std::move(active_datacenters),
                                 std::move(standby_datacenters));
    }

    [[nodiscard]] auto paired(const value& object, const std::string& where, grouping by, list_reading active,
                              list_reading standby) -> cluster_group {
        if (!active.is_there() || !standby.is_there()) {
            const auto missing =
                powerconsul::detail::list_name(by, active.is_there() ? role::secondary : role::primary);
            if (misspelt(object, where, missing)) return {};
            wrong(object, where, std::string{missing} + " is missing; both lists are needed");
        }
        const powerconsul::detail::node_names standbys{standby.found};
        for (const auto& name : active.found) {
            if (full()) break;
            if (!standbys.hold(name)) continue;
            wrong(object, where, quoted(name) + " is both active and standby", spot_of(name, *standby.at));
        }
        return {by, std::move(active.found), std::move(standby.found)};
    }

    [[nodiscard]] static auto spot_of(std::string_view name, const value& listed) -> std::size_t {
        for (const auto& each : listed.items) {
            if (each.is(kind::string) && same_node(each.text, name)) return each.offset;
        }
        return listed.offset;
    }

    /// Whether a member has nearly the name of the one that is missing.
    [[nodiscard]] auto misspelt(const value& object, std::string_view where, std::string_view missing) -> bool {
        const std::string_view known[] = {missing, missing.substr(0, missing.size() - 1)};
        for (std::size_t i = 0; i < object.names.size(); ++i) {
            const std::string& name = object.names[i];
            if (nearest(name, known).empty()) continue;
            wrong(object, where, quoted(name) + " is not known; did you mean " + quoted(missing) + '?',
                  object.items[i].name_offset);
            return true;
        }
        return false;
    }

    void missing_lists(const value& object, const std::string& where) {
        constexpr std::string_view known[] = {"active_nodes",        "standby_nodes", "active_datacenters",
                                              "standby_datacenters", "filter",        "mode"};
        for (std::size_t i = 0; i < object.names.size(); ++i) {
            const std::string& name = object.names[i];
            if (name == "filter") {
                return wrong(object, where, "a filter within a filter is not taken; expected the lists or mode",
                             object.items[i].name_offset);
            }
            if (const auto meant = nearest(name, known); !meant.empty()) {
                return wrong(object, where, quoted(name) + " is not known; did you mean " + quoted(meant) + '?',
                             object.items[i].name_offset);
            }
        }
        wrong(object, where,
              "expected active_nodes with standby_nodes, active_datacenters with standby_datacenters, filter, or mode");
    }

    std::vector<problem> problems_{};
    cluster_document decoded_{};
};

}  // namespace detail

/// Reads the text of a cluster document and goes on behind what is wrong in it.
[[nodiscard]] inline auto read_cluster_document(std::string_view text) -> cluster_reading {
    cluster_reading read;
    if (text.empty()) {
        read.problems.push_back({{}, {}, "the value is empty; delete the key to make the service standalone", 0});
        return read;
    }
    problem wrong;
    read.root = parse(text, wrong);
    if (!read.root) {
        read.problems.push_back(std::move(wrong));
        return read;
    }
    detail::cluster_decoder decoder;
    decoder.document(*read.root);
    read.problems = std::move(decoder.problems());
    read.document = std::move(decoder.decoded());
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
