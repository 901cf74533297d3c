#pragma once

#include <array>

#include <powerconsul/cluster/document_json.hpp>
#include <powerconsul/consul/health.hpp>
#include <powerconsul/lint/report.hpp>

namespace powerconsul::inline v0::json {

/// What Consul shows of a service. Unless `complete`, there may be more than the lists hold.
struct service_sight {
    std::string service{};
    std::string datacenter{};  ///< the one whose KV store holds the document
    std::vector<instance> instances{};
    std::vector<std::string> datacenters{};  ///< all that are known; empty if Consul could not be asked for them
    bool complete{};                         ///< every datacenter that was asked has answered
};

namespace detail {

/// Finds what is valid in a cluster document but probably a mistake.
struct cluster_warnings {
    lint_report& report_;
    std::string_view name_;
    std::string_view text_;
    const cluster_reading& read_;
    std::size_t matches_{};
    bool told_{};  ///< the note about too many matches has been added

    /// `seen` is nullptr if Consul was not asked.
    void look(const service_sight* seen) {
        const value& root = *read_.root;
        const value* const filter = root.find("filter");
        if (filter != nullptr) members(root, true);
        for (std::size_t i = 0; i < read_.document.rules.size(); ++i) {
            const cluster_rule& rule = read_.document.rules[i];
            const value& object = filter == nullptr ? root : filter->items[i];
            group(object, rule);
            if (seen == nullptr) continue;
            datacenters(object, rule, *seen);
            if (!seen->complete || seen->instances.empty()) continue;
            if (filter != nullptr) expression(object, rule, *seen);
            if (rule.group.by == grouping::nodes) {
                compare(object, rule.group.active, role::primary, *seen);
                compare(object, rule.group.standby, role::secondary, *seen);
            }
        }
        if (seen == nullptr) return;
        for (const auto& each : seen->instances) {
            if (each.datacenter == seen->datacenter) placed(each, *seen);
        }
    }

    static constexpr std::size_t most_names = 1000;      ///< names of one list that are compared with each other
    static constexpr std::size_t most_matches = 10'000;  ///< expressions compiled for one document

    void warn(std::size_t offset, std::string what) {
        report_.add(name_, text_, offset, severity::warning, std::move(what));
    }

    static constexpr std::array<std::string_view, 7> known_{
        "active_nodes",       "standby_nodes", "active_datacenters", "standby_datacenters", "active_datacenter",
        "standby_datacenter", "mode"};

    // --- the document alone ---

    /// Warns of an unknown member if its name is close to a known one. Any other may be a comment.
    void members(const value& object, bool beside_filter) {
        for (std::size_t i = 0; i < object.names.size(); ++i) {
            const std::string& name = object.names[i];
            const std::size_t offset = object.items[i].name_offset;
            const auto close = [&](std::string_view known) {
                return same_host(name, known) || (known.size() >= 8 && edit_distance(name.substr(0, 64), known) <= 2);
            };
            if (is_one_of(name, known_)) {
                if (beside_filter) warn(offset, quoted(name) + " beside filter is passed over");
            } else if (const auto* const meant = algo::find_if(known_, close); meant != known_.end()) {
                warn(offset, quoted(name) + " is not known and passed over; did you mean " + quoted(*meant) + '?');
            }
        }
    }

    /// The elements of a group's list, with their places in the text.
    [[nodiscard]] static auto listed_values(const value& object, grouping by, role own) -> std::vector<const value*> {
        const std::string plural{powerconsul::detail::list_name(by, own)};
        const value* list = object.find(plural);
        if (list == nullptr) list = object.find(plural.substr(0, plural.size() - 1));
        std::vector<const value*> all;
        if (list == nullptr) return all;
        if (list->is(kind::string)) return {list};
        for (const auto& each : list->items) all.push_back(&each);
        return all;
    }

    void group(const value& object, const cluster_rule& rule) {
        members(object, false);
        if (rule.group.by == grouping::all_active) return;
        const auto active = listed_values(object, rule.group.by, role::primary);
        const auto standby = listed_values(object, rule.group.by, role::secondary);
        twice(active);
        twice(standby);
        if (rule.group.by != grouping::nodes) return;
        domains(active, standby);
        if (rule.expression.empty()) return;
        for (const auto* list : {&active, &standby}) {
            for (const value* const each : *list) chosen(*each, rule);
        }
    }

    void twice(const std::vector<const value*>& list) {
        for (std::size_t i = 0; i < list.size() && i < most_names; ++i) {
            for (std::size_t k = 0; k < i; ++k) {
                if (!same_node(list[i]->text, list[k]->text)) continue;
                warn(list[i]->offset, list[i]->text == list[k]->text
                                          ? quoted(list[i]->text) + " is listed twice"
                                          : quoted(list[k]->text) + " and " + quoted(list[i]->text) +
                                                " are the same: case does not count, nor a domain that only one has");
                break;
            }
        }
    }

    void domains(const std::vector<const value*>& active, const std::vector<const value*>& standby) {
        for (std::size_t i = 0; i < standby.size() && i < most_names; ++i) {
            for (std::size_t k = 0; k < active.size() && k < most_names; ++k) {
                const std::string_view a = active[k]->text;
                const std::string_view b = standby[i]->text;
                if (!same_host(short_name(a), short_name(b)) || same_host(a, b)) continue;
                warn(standby[i]->offset, quoted(a) + " and " + quoted(b) +
                                             " differ only in their domain: a node that is called " +
                                             std::string{short_name(b)} + " would be both");
            }
        }
    }

    [[nodiscard]] auto place(std::string_view node, std::string_view datacenter) -> result<placement> {
        matches_ += read_.document.rules.size();
        return place_node(read_.document, {std::string{node}}, datacenter);
    }

    /// Warns if a listed node belongs to another rule: expressions choose the rule, not the lists that name the node.
    void chosen(const value& listed, const cluster_rule& rule) {
        if (matches_ > most_matches) {
            if (!told_) report_.add(name_, severity::note, "it has too many expressions and nodes to match them all");
            told_ = true;
            return;
        }
        const auto found = place(listed.text, {});
        if (!found) return report_.add(name_, text_, listed.offset, severity::error, found.error().message);
        if (found->expression == rule.expression) return;
        warn(listed.offset, quoted(listed.text) + " is listed below " + quoted(rule.expression) + ", but " +
                                (found->expression.empty() ? "no expression matches it from its start"
                                                           : quoted(found->expression) + " is what matches it") +
                                (found->own == role::unknown ? ": its role is unknown" : ""));
    }

    // --- compared with Consul ---

    void datacenters(const value& object, const cluster_rule& rule, const service_sight& seen) {
        if (rule.group.by != grouping::datacenters || seen.datacenters.empty()) return;
        for (const auto own : {role::primary, role::secondary}) {
            for (const value* const each : listed_values(object, rule.group.by, own)) {
                if (powerconsul::detail::holds(seen.datacenters, each->text)) continue;
                warn(each->offset, "Consul knows no datacenter " + quoted(each->text) + "; there " +
                                       (seen.datacenters.size() == 1 ? "is " : "are ") + listed(seen.datacenters));
            }
        }
    }

    void expression(const value& object, const cluster_rule& rule, const service_sight& seen) {
        for (const auto& each : seen.instances) {
            if (++matches_ > most_matches) return;
            const auto matched = matches_at_start(rule.expression, each.node);
            // An expression that cannot be matched becomes an error where the node is placed.
            if (!matched || *matched) return;
        }
        warn(object.name_offset, quoted(rule.expression) + " matches none of the nodes on which Consul shows " +
                                     seen.service + ": " + nodes_of(seen));
    }

    [[nodiscard]] static auto nodes_of(const service_sight& seen) -> std::string {
        std::vector<std::string> names;
        for (const auto& each : seen.instances) {
            if (names.size() == 10) {
                names.push_back(std::string{"more"});
                break;
            }
            if (!powerconsul::detail::holds(names, each.node)) names.push_back(each.node);
        }
        return listed(names);
    }

    void compare(const value& object, const std::vector<std::string>& names, role own, const service_sight& seen) {
        const auto values = listed_values(object, grouping::nodes, own);
        bool any = false;
        for (std::size_t i = 0; i < names.size() && i < values.size() && i < most_names; ++i) {
            std::string_view meant;
            bool there = false;
            for (const auto& each : seen.instances) {
                there = there || same_node(names[i], each.node);
                if (edit_distance(names[i].substr(0, 64), each.node) <= 2 && !is_listed(each.node)) meant = each.node;
            }
            any = any || there;
            if (there || meant.empty()) continue;
            warn(values[i]->offset, "Consul shows no " + seen.service + " on " + quoted(names[i]) + "; did you mean " +
                                        quoted(meant) + '?');
        }
        if (any || names.size() > most_names || values.empty()) return;
        warn(values.front()->offset, std::string{powerconsul::detail::list_name(grouping::nodes, own)} +
                                         " names no node on which Consul shows " + seen.service + "; it is on " +
                                         nodes_of(seen));
    }

    [[nodiscard]] auto is_listed(std::string_view node) const -> bool {
        return algo::any_of(read_.document.rules, [&](const auto& rule) {
            return powerconsul::detail::holds(rule.group.active, node) ||
                   powerconsul::detail::holds(rule.group.standby, node);
        });
    }

    /// Reports an existing instance whose node the document cannot place.
    void placed(const instance& one, const service_sight& seen) {
        if (matches_ > most_matches) return;
        const auto found = place(one.node, one.datacenter);
        if (!found) {
            if (!is_listed(one.node)) report_.add(name_, text_, 0, severity::error, found.error().message);
        } else if (found->own == role::unknown) {
            warn(0, seen.service + " is on " + one.node + " too, whose role is unknown: " + found->reason);
        }
    }
};

}  // namespace detail

/// Examines a cluster document. Adds to `report` an error for everything that decode_cluster_document() refuses and for
/// each node about which the document contradicts itself, and a warning for what is probably a mistake. `seen` is what
/// Consul shows of the service, nullptr if it was not asked. Returns the document if it is valid.
inline auto lint_cluster(lint_report& report, std::string_view name, std::string_view text,
                         const service_sight* seen = nullptr) -> std::optional<cluster_document> {
    report.looked_at(text_kind::document);
    auto read = read_cluster_document(text);
    add_problems(report, name, text, read.problems);
    if (!read.problems.empty()) return std::nullopt;
    detail::cluster_warnings{report, name, text, read}.look(seen);
    return std::move(read.document);
}

}  // namespace powerconsul::inline v0::json
