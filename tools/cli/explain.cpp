#include "explain.hpp"

#include <cstdint>
#include <utility>

#include <powerconsul/core/text.hpp>
#include <powerconsul/json/writer.hpp>

namespace powerconsul::cli {

namespace {

/// A value and where it comes from.
struct sourced {
    std::string value{};
    std::string source{};
};

[[nodiscard]] auto host_or_node(const explained_role& what) -> std::string {
    const auto& who = what.facts.who;
    return who.node.empty() ? "host name " + who.host : "node name " + who.node;
}

/// The name under which the document has this node, or the first that was tried.
[[nodiscard]] auto node_of(const explained_role& what) -> sourced {
    const auto& facts = what.facts;
    if (!facts.who.node.empty()) return {facts.who.node, what.chosen.who_sources.node};
    if (facts.agent && facts.place.node == facts.agent->node) return {facts.agent->node, "the agent, /v1/agent/self"};
    return {facts.place.node.empty() ? facts.who.host : facts.place.node, "the host name"};
}

[[nodiscard]] auto datacenter_of(const explained_role& what) -> sourced {
    const auto& facts = what.facts;
    if (!what.chosen.who_sources.datacenter.empty()) {
        return {facts.who.datacenter, what.chosen.who_sources.datacenter};
    }
    if (facts.agent) return {facts.agent->datacenter, "the agent, /v1/agent/self"};
    return {"", "the agent's own; its name was not needed"};
}

[[nodiscard]] auto part_of_name(const explained_role& what, const std::string& value, const std::string& told)
    -> sourced {
    return {value, told.empty() ? host_or_node(what) : told};
}

[[nodiscard]] auto consul_of(const explained_role& what) -> sourced {
    if (!what.chosen.store.empty()) return {what.chosen.store, "a store file instead of an agent"};
    return {what.chosen.consul.address, what.chosen.http_addr_source};
}

/// `GET /v1/kv/…?stale, from any server, at most 12 ms old`
[[nodiscard]] auto reading_text(const read_facts& how) -> std::string {
    std::string text = "GET " + how.target + ", from the " + std::string{to_string(how.mode)};
    if (how.mode == consistency::stale) text = "GET " + how.target + ", from any server";
    text += how.age ? ", at most " + std::to_string(how.age->count) + " ms old" : ", of an age that is not told";
    if (!how.again.empty()) text += "; asked again: " + how.again;
    return text;
}

void write_reading(json::writer& to, const read_facts& how) {
    to.key("request").string("GET " + how.target);
    to.key("read_from").string(to_string(how.mode));
    to.key("age_ms");
    if (how.age) {
        to.number(how.age->count);
    } else {
        to.null();
    }
    if (!how.again.empty()) to.key("asked_again").string(how.again);
}

[[nodiscard]] auto list_name_of(const resolution& facts) -> std::string {
    if (facts.place.group.by == grouping::all_active) return "mode all-active";
    return std::string{detail::list_name(facts.place.group.by, facts.place.own)};
}

/// The listed actives that no datacenter has.
[[nodiscard]] auto unregistered(const resolution& facts) -> std::vector<std::string> {
    std::vector<std::string> names;
    if (facts.place.group.by != grouping::nodes || facts.others.sources.empty()) return names;
    for (const auto& name : facts.place.group.active) {
        bool seen = false;
        for (const auto& each : facts.others.instances) seen = seen || same_node(name, each.node);
        if (!seen) names.push_back(name);
    }
    return names;
}

[[nodiscard]] auto state_file(const explained_role& what) -> std::string {
    return what.chosen.state_dir + "/last-known/" + percent_encoded(what.service) + ".json";
}

[[nodiscard]] auto words(const std::vector<std::string>& argv) -> std::string {
    std::string text;
    for (const auto& each : argv) text += (text.empty() ? "" : " ") + (each.empty() ? "''" : one_line(each, 2000));
    return text;
}

class page {
public:
    void row(std::string_view name, std::string_view value, std::string_view source = {}) {
        std::string padded{name};
        padded.resize(13, ' ');
        text_ += padded + one_line(value, 3000);
        if (!source.empty()) text_ += "   [" + one_line(source, 500) + ']';
        text_ += '\n';
    }
    void row(std::string_view name, const sourced& fact) {
        row(name, fact.value.empty() ? "-" : fact.value, fact.source);
    }
    [[nodiscard]] auto text() && -> std::string { return std::move(text_); }

private:
    std::string text_{};
};

[[nodiscard]] auto rights_target(const proven_rights& asked) -> std::string {
    return "POST /v1/internal/acl/authorize" +
           (asked.datacenter.empty() ? std::string{} : "?dc=" + percent_encoded(asked.datacenter));
}

void actives_rows(const resolution& facts, takeover from, page& to) {
    const auto& others = facts.others;
    to.row("actives", to_string(others.state));
    for (const auto& each : others.sources) {
        const std::string where = each.datacenter.empty() ? "" : " in " + each.datacenter;
        to.row("  asked",
               each.trouble
                   ? "unknown" + where + ": " + each.trouble->message
                   : std::to_string(each.instances) + (each.instances == 1 ? " instance" : " instances") + where,
               reading_text(each.how));
    }
    for (const auto& each : others.instances) {
        const health state = worst(each.checks);
        const actives counts = serves(state, from);
        to.row("  active", each.node + " (" + each.datacenter + ") is " + std::string{to_string(state)} + ": " +
                               (counts == actives::serving        ? "serves"
                                : counts == actives::none_serving ? "does not serve"
                                                                  : "unknown whether it serves"));
        for (const auto& check : each.checks) to.row("    check", check.id + ' ' + std::string{to_string(check.state)});
    }
    for (const auto& name : unregistered(facts)) to.row("  active", name + " is in none of these lists");
    for (const auto& each : others.proven) {
        to.row("  rights",
               to_string(each.rights) + (each.datacenter.empty() ? "" : " in " + each.datacenter) +
                   ": the token has them, or there are no ACLs",
               rights_target(each));
    }
    if (others.trouble) to.row("  doubt", others.trouble->message);
}

void trigger_rows(const explained_trigger& each, page& to) {
    const std::string name = "on " + std::string{to_string(each.state)};
    if (!each.search) return to.row(name, "unknown: " + each.search.error().message);
    const auto& search = *each.search;
    if (search.tried.empty()) return to.row(name, "nothing: neither role nor expectation may be unknown");
    if (!search.found) return to.row(name, "nothing: there is no trigger", "looked at " + listed(search.tried));
    const auto& found = *search.found;
    const std::string source = found.key + ", ModifyIndex " + std::to_string(found.modify_index);
    if (!each.runs || !*each.runs) {
        return to.row(name, "would fail to run: " + (each.runs ? each.runs->error().message : ""), source);
    }
    const job& runs = **each.runs;
    to.row(name, words(runs.argv), source);
    for (std::string_view rest = runs.script; !rest.empty();) {
        to.row("  script", one_line(next_part(rest, '\n'), 2000));
    }
}

void write_source(json::writer& to, std::string_view name, const sourced& fact) {
    to.key(name).open_object();
    to.key("value").string(one_line(fact.value, 1000));
    to.key("from").string(one_line(fact.source, 1000));
    to.close_object();
}

void write_actives(json::writer& to, const resolution& facts, takeover from) {
    const auto& others = facts.others;
    to.key("actives").open_object();
    to.key("state").string(to_string(others.state));
    to.key("asked").open_array();
    for (const auto& each : others.sources) {
        to.open_object();
        to.key("datacenter").string(each.datacenter);
        write_reading(to, each.how);
        if (each.trouble) {
            to.key("trouble").string(one_line(each.trouble->message, 1000));
        } else {
            to.key("instances").number(std::uint64_t{each.instances});
        }
        to.close_object();
    }
    to.close_array();
    to.key("instances").open_array();
    for (const auto& each : others.instances) {
        const health state = worst(each.checks);
        to.open_object();
        to.key("node").string(one_line(each.node, 300));
        to.key("datacenter").string(one_line(each.datacenter, 300));
        to.key("health").string(to_string(state));
        to.key("counts_as").string(to_string(serves(state, from)));
        to.key("checks").open_array();
        for (const auto& check : each.checks) {
            to.open_object();
            to.key("id").string(one_line(check.id, 300));
            to.key("health").string(to_string(check.state));
            to.close_object();
        }
        to.close_array();
        to.close_object();
    }
    to.close_array();
    to.key("not_listed").open_array();
    for (const auto& name : unregistered(facts)) to.string(one_line(name, 300));
    to.close_array();
    to.key("rights").open_array();
    for (const auto& each : others.proven) {
        to.open_object();
        to.key("datacenter").string(each.datacenter);
        to.key("request").string(rights_target(each));
        to.key("has").open_array();
        for (const auto& right : each.rights) to.string(to_string(right));
        to.close_array();
        to.close_object();
    }
    to.close_array();
    if (others.trouble) to.key("trouble").string(one_line(others.trouble->message, 1000));
    to.close_object();
}

void write_trigger(json::writer& to, const explained_trigger& each) {
    to.open_object();
    to.key("state").string(to_string(each.state));
    if (!each.search) {
        to.key("trouble").string(one_line(each.search.error().message, 1000));
        to.close_object();
        return;
    }
    to.key("looked_at").open_array();
    for (const auto& key : each.search->tried) to.string(key);
    to.close_array();
    if (each.search->found) {
        to.key("key").string(each.search->found->key);
        to.key("modify_index").number(each.search->found->modify_index);
        to.key("role").string(to_string(each.search->found->as));
        if (each.runs && *each.runs) {
            to.key("command").open_array();
            for (const auto& word : (*each.runs)->argv) to.string(one_line(word, 4000));
            to.close_array();
            if (!(*each.runs)->script.empty()) to.key("script").string((*each.runs)->script);
        } else if (each.runs) {
            to.key("trouble").string(one_line(each.runs->error().message, 1000));
        }
    }
    to.close_object();
}

}  // namespace

auto explanation_text(const explained_role& what) -> std::string {
    const auto& facts = what.facts;
    const auto& told = what.chosen.who_sources;
    page to;
    to.row("service", what.service);
    to.row("role", to_string(facts.own));
    to.row("expects", to_string(facts.expects));
    to.row("why", facts.reason);
    to.row("basis", to_string(facts.from));
    to.row("rule", !facts.rule.empty()           ? std::string{facts.rule}
                   : facts.from == basis::cached ? "what was last expected holds for a while"
                                                 : "none: what is not known is unknown");
    if (facts.trouble) to.row("trouble", facts.trouble->message);
    to.row("node", node_of(what));
    to.row("datacenter", datacenter_of(what));
    to.row("environment", part_of_name(what, facts.who.environment, told.environment));
    to.row("server role", part_of_name(what, facts.who.server_role, told.server_role));
    to.row("consul", consul_of(what));
    if (what.chosen.store.empty()) to.row("token", what.chosen.token_source);
    const std::string index = "ModifyIndex " + std::to_string(facts.document);
    const std::string read = facts.how.target.empty() ? std::string{} : reading_text(facts.how);
    to.row("document",
           facts.key + (facts.clustered == clustering::unknown ? ", unknown"
                        : facts.clustered == clustering::no    ? ", which does not exist"
                                                               : ", " + index),
           facts.from == basis::cached && read.empty() ? state_file(what) : read);
    if (!facts.place.expression.empty())
        to.row("  filter", quoted(facts.place.expression) + " matches " + node_of(what).value);
    if (facts.place.own != role::unknown) {
        to.row("  active", listed(facts.place.group.active));
        to.row("  standby", listed(facts.place.group.standby));
        to.row("  place", facts.place.reason, list_name_of(facts));
    }
    if (!facts.others.sources.empty()) actives_rows(facts, what.chosen.roles.from, to);
    for (const auto& each : what.triggers) trigger_rows(each, to);
    if (facts.remembered) {
        const auto& known = *facts.remembered;
        to.row("last known",
               std::string{to_string(known.own)} + ", expects " + std::string{to_string(known.expects)} +
                   ", ModifyIndex " + std::to_string(known.document) + ", " +
                   std::to_string((what.now - known.at).count / 1000) + " s ago",
               state_file(what));
    }
    if (facts.state_trouble) to.row("note", facts.state_trouble->message);
    if (!what.stopped.empty()) to.row("stopped", what.stopped);
    return std::move(to).text();
}

auto explanation_json(const explained_role& what) -> std::string {
    const auto& facts = what.facts;
    const auto& told = what.chosen.who_sources;
    json::writer to;
    to.open_object();
    to.key("service").string(what.service);
    to.key("role").string(to_string(facts.own));
    to.key("expectation").string(to_string(facts.expects));
    to.key("reason").string(one_line(facts.reason, 3000));
    to.key("basis").string(to_string(facts.from));
    to.key("rule").string(facts.rule);
    if (facts.trouble) to.key("trouble").string(one_line(facts.trouble->message, 1000));
    write_source(to, "node", node_of(what));
    write_source(to, "datacenter", datacenter_of(what));
    write_source(to, "environment", part_of_name(what, facts.who.environment, told.environment));
    write_source(to, "server_role", part_of_name(what, facts.who.server_role, told.server_role));
    write_source(to, "consul", consul_of(what));
    if (what.chosen.store.empty()) to.key("token_from").string(one_line(what.chosen.token_source, 1000));
    to.key("document").open_object();
    to.key("key").string(facts.key);
    to.key("exists");
    if (facts.clustered == clustering::unknown) {
        to.null();
    } else {
        to.boolean(facts.clustered == clustering::yes);
    }
    to.key("modify_index").number(facts.document);
    if (!facts.how.target.empty()) write_reading(to, facts.how);
    if (!facts.place.expression.empty()) to.key("filter").string(one_line(facts.place.expression, 1000));
    if (facts.place.own != role::unknown) {
        for (const auto& [name, list] :
             {std::pair{"active", &facts.place.group.active}, std::pair{"standby", &facts.place.group.standby}}) {
            to.key(name).open_array();
            for (const auto& each : *list) to.string(one_line(each, 300));
            to.close_array();
        }
        to.key("place").string(one_line(facts.place.reason, 1000));
        to.key("list").string(list_name_of(facts));
    }
    to.close_object();
    if (!facts.others.sources.empty()) write_actives(to, facts, what.chosen.roles.from);
    to.key("triggers").open_array();
    for (const auto& each : what.triggers) write_trigger(to, each);
    to.close_array();
    if (facts.remembered) {
        to.key("last_known").open_object();
        to.key("file").string(state_file(what));
        to.key("role").string(to_string(facts.remembered->own));
        to.key("expectation").string(to_string(facts.remembered->expects));
        to.key("modify_index").number(facts.remembered->document);
        to.key("age_ms").number((what.now - facts.remembered->at).count);
        to.close_object();
    }
    if (facts.state_trouble) to.key("note").string(one_line(facts.state_trouble->message, 1000));
    if (!what.stopped.empty()) to.key("stopped").string(one_line(what.stopped, 1000));
    to.close_object();
    return to.text();
}

}  // namespace powerconsul::cli
