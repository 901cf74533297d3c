#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/cluster.hpp>
#include <powerconsul/json/value.hpp>

namespace powerconsul::inline v0::json {

namespace detail {

/// Decodes a cluster document. Members that it does not know are passed over, as the original does, so that a comment
/// in a document harms nothing; what it does know must be whole.
class cluster_decoder {
public:
    explicit cluster_decoder(std::string_view text) : text_{text} {}

    [[nodiscard]] auto document(const value& root) const -> result<cluster_document> {
        if (auto sound = checked(root, "the document"); !sound) return unexpected{std::move(sound).error()};
        cluster_document decoded;
        const value* const filter = root.find("filter");
        if (filter == nullptr) {
            auto only = group(root, "the document");
            if (!only) return unexpected{std::move(only).error()};
            decoded.rules.push_back({{}, std::move(*only)});
            return decoded;
        }
        if (auto sound = checked(*filter, "filter"); !sound) return unexpected{std::move(sound).error()};
        if (filter->items.empty()) return wrong(*filter, "filter", "has no expression");
        for (std::size_t i = 0; i < filter->items.size(); ++i) {
            const std::string& expression = filter->names[i];
            // Compiled now, so that a document is valid for all nodes or for none.
            if (auto valid = matches_at_start(expression, ""); !valid) {
                return wrong(filter->items[i], "filter", valid.error().message);
            }
            const std::string where = "filter." + quoted(expression);
            if (auto sound = checked(filter->items[i], where); !sound) return unexpected{std::move(sound).error()};
            auto one = group(filter->items[i], where);
            if (!one) return unexpected{std::move(one).error()};
            decoded.rules.push_back({expression, std::move(*one)});
        }
        return decoded;
    }

private:
    using names = std::vector<std::string>;

    [[nodiscard]] auto wrong(const value& at, std::string_view where, std::string_view what) const -> unexpected {
        return fail(errc::bad_data,
                    std::string{where} + " at " + place(text_, at.offset) + ": " + std::string{what});
    }

    /// An object in which no name comes twice: of two lists with one name, neither can be trusted.
    [[nodiscard]] auto checked(const value& object, std::string_view where) const -> result<void> {
        if (!object.is(kind::object)) {
            return wrong(object, where, "expected an object, found " + std::string{described(object.type)});
        }
        for (std::size_t i = 0; i < object.names.size(); ++i) {
            for (std::size_t k = 0; k < i; ++k) {
                if (object.names[i] == object.names[k]) {
                    return wrong(object.items[i], where, "the name " + quoted(object.names[i]) + " comes twice");
                }
            }
        }
        return {};
    }

    /// A list of names, or one name where a list is meant. Empty without an error when the member is not there.
    [[nodiscard]] auto list(const value& object, std::string_view member) const -> result<names> {
        names found;
        const value* const listed = object.find(member);
        if (listed == nullptr) return found;
        const bool single = listed->is(kind::string);
        if (!single && !listed->is(kind::array)) {
            return wrong(*listed, member, "expected a list of names, found " + std::string{described(listed->type)});
        }
        if (!single && listed->items.empty()) return wrong(*listed, member, "the list is empty; name at least one");
        for (std::size_t i = 0; i < (single ? 1 : listed->items.size()); ++i) {
            const value& each = single ? *listed : listed->items[i];
            const std::string where =
                single ? std::string{member} : std::string{member} + '[' + std::to_string(i) + ']';
            if (!each.is(kind::string)) {
                return wrong(each, where, "expected a name, found " + std::string{described(each.type)});
            }
            if (auto valid = validate_segment("the name", each.text); !valid) {
                return wrong(each, where, valid.error().message);
            }
            found.push_back(each.text);
        }
        return found;
    }

    /// `plural`, or the singular spelling that the original reads; both at once are refused.
    [[nodiscard]] auto list(const value& object, std::string_view plural, std::string_view singular) const
        -> result<names> {
        const value* const other = object.find(singular);
        if (other == nullptr) return list(object, plural);
        if (object.find(plural) != nullptr) {
            return wrong(*other, singular, "stands beside " + std::string{plural} + "; keep one of the two");
        }
        return list(object, singular);
    }

    [[nodiscard]] auto group(const value& object, const std::string& where) const -> result<cluster_group> {
        auto active_nodes = list(object, "active_nodes");
        if (!active_nodes) return unexpected{std::move(active_nodes).error()};
        auto standby_nodes = list(object, "standby_nodes");
        if (!standby_nodes) return unexpected{std::move(standby_nodes).error()};
        auto active_datacenters = list(object, "active_datacenters", "active_datacenter");
        if (!active_datacenters) return unexpected{std::move(active_datacenters).error()};
        auto standby_datacenters = list(object, "standby_datacenters", "standby_datacenter");
        if (!standby_datacenters) return unexpected{std::move(standby_datacenters).error()};

        const bool by_nodes = !active_nodes->empty() || !standby_nodes->empty();
        const bool by_datacenters = !active_datacenters->empty() || !standby_datacenters->empty();
        if (const value* const mode = object.find("mode"); mode != nullptr) {
            if (!mode->is(kind::string) || mode->text != "all-active") {
                return wrong(*mode, "mode", R"(expected "all-active", the only mode)");
            }
            if (by_nodes || by_datacenters) {
                return wrong(*mode, "mode", "all-active has no lists; remove one or the other");
            }
            return cluster_group{};
        }
        if (by_nodes && by_datacenters) {
            return wrong(object, where, "lists of nodes and of datacenters exclude each other; keep one kind");
        }
        if (!by_nodes && !by_datacenters) return wrong(object, where, missing_lists(object));
        return by_nodes ? paired(object, where, grouping::nodes, std::move(*active_nodes), std::move(*standby_nodes))
                        : paired(object, where, grouping::datacenters, std::move(*active_datacenters),
                                 std::move(*standby_datacenters));
    }

    [[nodiscard]] auto paired(const value& object, const std::string& where, grouping by, names active,
                              names standby) const -> result<cluster_group> {
        if (active.empty() || standby.empty()) {
            const auto missing = list_name(by, active.empty() ? role::primary : role::secondary);
            return wrong(object, where, std::string{missing} + " is missing; both lists are needed");
        }
        for (const auto& name : active) {
            if (holds(standby, name)) return wrong(object, where, quoted(name) + " is both active and standby");
        }
        return cluster_group{by, std::move(active), std::move(standby)};
    }

    [[nodiscard]] static auto missing_lists(const value& object) -> std::string {
        constexpr std::string_view known[] = {"active_nodes",        "standby_nodes", "active_datacenters",
                                              "standby_datacenters", "filter",        "mode"};
        for (const auto& name : object.names) {
            if (const auto meant = nearest(name, known); !meant.empty()) {
                return quoted(name) + " is not known; did you mean " + quoted(meant) + '?';
            }
        }
        return "expected active_nodes with standby_nodes, active_datacenters with standby_datacenters, filter, or mode";
    }

    [[nodiscard]] static auto list_name(grouping by, role own) -> std::string_view {
        return powerconsul::detail::list_name(by, own);
    }
    [[nodiscard]] static auto holds(const names& list, std::string_view name) -> bool {
        return powerconsul::detail::holds(list, name);
    }

    std::string_view text_;
};

}  // namespace detail

/// Decodes the text of a cluster document. Fails with errc::bad_data, naming the member, its place and what was
/// expected. A document that decodes is valid for every node, whether or not it speaks of this one.
[[nodiscard]] inline auto decode_cluster_document(std::string_view text) -> result<cluster_document> {
    if (text.empty()) return fail(errc::bad_data, "the value is empty; delete the key to make the service standalone");
    const auto root = parse(text);
    if (!root) return unexpected{root.error()};
    return detail::cluster_decoder{text}.document(*root);
}

}  // namespace powerconsul::inline v0::json
