#pragma once

#include <powerconsul/cluster/actives.hpp>
#include <powerconsul/cluster/document_json.hpp>
#include <powerconsul/ports/host.hpp>

namespace powerconsul::inline v0 {

/// A role, what it expects, and every fact that the decision was made from.
struct resolution {
    role own{role::unknown};
    expectation expects{expectation::unknown};
    basis from{basis::none};
    clustering clustered{clustering::unknown};
    std::string reason{};                    ///< for a person, on one line; the same text while nothing changed
    std::string key{};                       ///< of the cluster document
    std::uint64_t document{};                ///< its ModifyIndex, 0 if there is none
    read_facts how{};                        ///< how the document, or that there is none, was read
    identity who{};                          ///< this node, with what the agent said where it was asked
    std::optional<agent_facts> agent{};      ///< the agent's answer, nothing if it was not asked
    placement place{};                       ///< where this node stands in the document
    actives_facts others{};                  ///< what is known of the actives, for a secondary
    std::string_view rule{};                 ///< the rule behind the expectation; empty if it was remembered
    bool waits{};                            ///< a standby that would take over, were its actives longer without one
    bool unconfirmed{};                      ///< neither a confirmed leader nor what this node remembers says so
    bool remembers{true};                    ///< this node can keep a record of what it finds out
    std::optional<last_known> remembered{};  ///< the last known role, if it was looked at and is young enough
    std::optional<error> cause{};            ///< what kept an answer from being fresh
    std::optional<error> state_cause{};      ///< what kept the last known role from being read or written
};

/// Finds out this node's role for a service and what it expects: reads the cluster document, finds the node in it and,
/// for a standby, asks for the health of the actives. What cannot be told is `unknown`, with the reason; what could not
/// be read for a moment is taken from the last known role. One resolver may be used any number of times.
template <http_transport Transport, clock Clock, file_store Files>
class role_resolver {
public:
    role_resolver(Transport& transport, Clock& time, Files& files, std::string state_path, resolver_options options)
        : transport_{transport},
          clock_{time},
          files_{files},
          state_dir_{std::move(state_path)},
          options_{std::move(options)} {
        options_.who = completed(std::move(options_.who));
    }

    /// Asks Consul for at most `budget`. Always answers; a wrong name of service, environment or key is in `cause` as
    /// errc::usage.
    [[nodiscard]] auto resolve(std::string_view service, milliseconds budget) -> resolution {
        service_ = service;
        resolution facts;
        facts.who = options_.who;
        auto key = key_for(service);
        if (!key) return unresolved(std::move(facts), key.error());
        facts.key = *key;
        client consul{transport_, clock_, clock_.monotonic() + budget};
        recall(consul, facts);

        auto read = read_document(consul, facts);
        if (!read) return or_last_known(std::move(facts), read.error());
        facts.how = std::move(read->how);
        const auto& entry = read->entry;
        if (!entry) {
            const auto lost = data_lost(facts, read->index);
            if (lost) return or_last_known(std::move(facts), *lost);
            facts.own = role::standalone;
            facts.clustered = clustering::no;
            facts.reason = "there is no cluster document at " + facts.key;
            return settled(std::move(facts));
        }
        facts.clustered = clustering::yes;
        facts.document = entry->modify_index;
        const auto document = json::decode_cluster_document(entry->value);
        if (!document) return definite(facts, document.error());

        identity& who = facts.who;
        std::vector<std::string> names = own_names(who);
        auto placed = place_node(*document, names, who.datacenter);
        if (placed && placed->own == role::unknown && (who.node.empty() || who.datacenter.empty())) {
            auto agent = consul.agent();
            if (!agent) return or_last_known(std::move(facts), agent.error());
            if (who.node.empty() && !is_one_of(agent->node, names)) names.push_back(agent->node);
            if (who.datacenter.empty()) who.datacenter = agent->datacenter;
            facts.agent = std::move(*agent);
            placed = place_node(*document, names, who.datacenter);
        }
        if (!placed) return definite(facts, placed.error());
        facts.place = std::move(*placed);
        if (facts.place.own == role::unknown) {
            return definite(facts, {errc::bad_data, facts.place.reason});
        }
        facts.own = facts.place.own;
        facts.reason = facts.place.reason;
        if (facts.own == role::secondary) {
            facts.others = actives_of(consul, facts);
            facts.reason += "; " + facts.others.reason;
            if (facts.others.state == actives::unknown) return or_last_expectation(std::move(facts));
        }
        return settled(std::move(facts));
    }

private:
    using client = consul_client<Transport&, Clock&>;

    /// An environment that is empty or more than one segment would lead to another service's document.
    [[nodiscard]] auto key_for(std::string_view service) const -> result<std::string> {
        if (!options_.cluster_key.empty()) return document_key(options_.cluster_key, service);
        const std::string& environment = options_.who.environment;
        if (auto valid = validate_segment("the environment", environment); !valid) return unexpected{valid.error()};
        return document_key("cluster/" + environment, service);
    }

    /// The document, or that there is none. What any server says can only confirm what this node knows already.
    [[nodiscard]] auto read_document(client& consul, resolution& facts) -> result<key_reading> {
        const auto& datacenter = options_.who.datacenter;
        const auto& rules = options_.reads;
        std::string again;
        if (rules.documents != consistency::consistent && (known_ || counts_unconfirmed(facts))) {
            auto read = consul.read_key(facts.key, datacenter, rules.documents);
            if (!read) return read;
            again = too_old(read->how, rules.max_stale);
            if (again.empty() && !is_known(*read)) {
                facts.unconfirmed = !known_ && read->entry;
                if (!facts.unconfirmed) again = "it is not what this node knows";
            }
            if (again.empty()) return read;
        }
        auto read = consul.read_key(facts.key, datacenter, consistency::consistent);
        if (read) read->how.again = std::move(again);
        return read;
    }

    /// Whether the document, or that there is none, is what this node has seen last, however long ago.
    [[nodiscard]] auto is_known(const key_reading& read) const -> bool {
        if (!known_) return false;
        if (read.entry) return read.entry->modify_index == known_->document;
        return known_->own == role::standalone && known_->document == 0;
    }

    [[nodiscard]] auto counts_unconfirmed(const resolution& facts) const -> bool {
        return options_.reads.unconfirmed && !facts.remembers;
    }

    /// A cluster that has not come as far as this node has seen it has lost its data, or has been restored: that it has
    /// no document says nothing, however old this node's record is.
    [[nodiscard]] auto data_lost(const resolution& facts, std::uint64_t index) const -> std::optional<error> {
        const auto& seen = stored_;
        if (!seen || seen->key != facts.key || seen->document <= index) return std::nullopt;
        return error{errc::unavailable, "Consul has no " + facts.key + " and has not come as far as index " +
                                            std::to_string(seen->document) +
                                            ", at which this node has read it: its data was lost or restored; write "
                                            "the document again, or delete " +
                                            last_known_file(state_dir_, service_) + " if there is to be none"};
    }

    /// The actives of a secondary. A cheaper answer than a confirmed leader's can only confirm what is expected
    /// already.
    [[nodiscard]] auto actives_of(client& consul, resolution& facts) -> actives_facts {
        resolver_options how = options_;
        how.who = facts.who;
        if (how.who.node.empty()) how.who.node = facts.place.node;
        std::vector<actives_source> before;
        const auto& known = known_;
        const bool comparable = known && known->own == facts.own && known->document == facts.document &&
                                known->expects != expectation::unknown;
        const auto gather = [&] {
            return gather_actives(consul, facts.place.group, service_, how, known_ ? known_->standby : standby_memory{},
                                  clock_.monotonic());
        };
        if (comparable && how.reads.health != consistency::consistent) {
            auto others = gather();
            const auto view = view_of(look_at(others, facts), known_, options_.wait);
            const bool same =
                others.state == known->standby.seen && rule(facts.own, view.facts).expects == known->expects;
            if (others.state == actives::unknown || same) return others;
            before = std::move(others.sources);
        }
        if (!known && counts_unconfirmed(facts)) {
            facts.unconfirmed = facts.unconfirmed || how.reads.health != consistency::consistent;
            return gather();
        }
        how.reads.health = consistency::consistent;
        auto sure = gather();
        if (before.empty()) return sure;
        for (auto& each : sure.sources) each.how.again = "it is not what was expected so far";
        sure.sources.insert(sure.sources.begin(), before.begin(), before.end());
        return sure;
    }

    [[nodiscard]] auto look_at(const actives_facts& others, const resolution& facts) -> standby_look {
        return {others.state, facts.document, clock_.monotonic(), clock_.wall()};
    }

    [[nodiscard]] static auto own_names(const identity& who) -> std::vector<std::string> {
        if (!who.node.empty()) return {who.node};
        std::vector<std::string> names{who.host};
        if (const auto cut = short_name(who.host); cut != who.host) names.emplace_back(cut);
        return names;
    }

    [[nodiscard]] auto record(const resolution& facts) -> last_known {
        return {facts.key,          own_names(options_.who).front(),
                datacenter_,        options_.cluster,
                facts.own,          facts.expects,
                facts.document,     boot_,
                clock_.monotonic(), facts.others.memory};
    }

    /// Fresh facts: decide, and remember the answer.
    [[nodiscard]] auto settled(resolution facts) -> resolution {
        standby_view view;
        if (facts.own == role::secondary) {
            view = view_of(look_at(facts.others, facts), known_, options_.wait);
            auto& memory = facts.others.memory;
            memory.seen = facts.others.state;
            memory.since = view.since;
            memory.since_wall = view.since_wall;
        }
        const ruling decided = rule(facts.own, view.facts);
        facts.expects = decided.expects;
        facts.rule = decided.rule;
        facts.from = basis::fresh;
        facts.waits = facts.others.state == actives::none_serving && decided.expects != expectation::running;
        remember(facts, record(facts));
        // What is not remembered begins anew at the next look: then nobody can tell for how long it has been so.
        const bool waits_to_take_over = facts.others.state == actives::none_serving && !view.facts.took_over &&
                                        options_.wait.takeover_after.count > 0;
        const bool waits_to_give_back =
            facts.others.state == actives::serving && view.facts.took_over && !view.facts.lasted;
        if (!facts.state_cause || !(waits_to_take_over || waits_to_give_back)) {
            // Who keeps no record cannot tell since when.
            if (options_.record != record_use::none) facts.reason += waiting_text(view, options_.wait);
            return facts;
        }
        const error why{errc::failed,
                        "for how long that has been so cannot be remembered: " + facts.state_cause->message};
        facts.reason += "; " + why.message;
        if (waits_to_give_back) {
            // Waiting would never end, and an active does serve.
            const ruling at_once = rule(facts.own, {.others = actives::serving});
            facts.expects = at_once.expects;
            facts.rule = at_once.rule;
            return facts;
        }
        facts.cause = why;
        facts.expects = expectation::unknown;
        facts.rule = {};
        facts.from = basis::none;
        return facts;
    }

    [[nodiscard]] static auto unresolved(resolution facts, error why) -> resolution {
        facts.own = role::unknown;
        facts.reason = why.message;
        facts.cause = std::move(why);
        return facts;
    }

    /// Consul answered, and the answer is that there is no sound role: an older one must not come back later.
    [[nodiscard]] auto definite(resolution facts, const error& why) -> resolution {
        facts = unresolved(facts, {why.code, "the cluster document " + facts.key + ": " + why.message});
        last_known next = record(facts);
        next.expects = expected_of_standby(known_);
        if (known_) next.standby.homes = known_->standby.homes;
        remember(facts, next, false);
        return facts;
    }

    /// Consul did not answer: the last known role holds for a while. A refusal is an answer.
    [[nodiscard]] auto or_last_known(resolution facts, const error& why) -> resolution {
        const bool temporary = why.code == errc::unavailable || why.code == errc::timed_out;
        const auto known = temporary ? facts.remembered : std::nullopt;
        facts = unresolved(std::move(facts), why);
        if (!known || known->own == role::unknown) return facts;
        // The document itself may have been read: then a record of an older one says nothing.
        if (facts.clustered == clustering::yes && known->document != facts.document) return facts;
        facts.own = known->own;
        facts.expects = known->expects;
        facts.document = known->document;
        facts.clustered = known->own == role::standalone ? clustering::no : clustering::yes;
        facts.from = basis::cached;
        facts.reason = "as last known, since " + why.message;
        return facts;
    }

    /// The actives are unknown: what a secondary last expected holds for a while, if the document is still the same.
    /// Whatever they were before, the next look that can tell begins a new row.
    [[nodiscard]] auto or_last_expectation(resolution facts) -> resolution {
        facts.cause = facts.others.cause;
        last_known next = known_ ? *known_ : record(facts);
        next.standby = facts.others.memory;
        remember(facts, next, false);
        // While something is only waited for, Consul does answer: the last expectation holds for as long.
        const bool longer = facts.others.for_a_time && options_.max_age.count > 0;
        const auto& known = longer ? known_ : facts.remembered;
        if (!known || known->own != facts.own || known->document != facts.document) return facts;
        facts.expects = known->expects;
        if (facts.expects != expectation::unknown) facts.from = basis::cached;
        return facts;
    }

    // --- the record ---

    /// Loads the record of the last known role. It counts as what was seen earlier if it is of this boot and about the
    /// same document, node and cluster, and in place of an answer if it is young enough, too.
    void recall(client& consul, resolution& facts) {
        stored_.reset();
        known_.reset();
        boot_.clear();
        may_write_ = options_.record == record_use::read_and_write;
        datacenter_ = options_.who.datacenter;
        if (options_.record == record_use::none) return;
        auto boot = files_.read("/proc/sys/kernel/random/boot_id", 256);
        if (!boot) return forget(facts, boot.error());
        boot_ = trimmed(boot->value_or(""));
        auto loaded = load_last_known(files_, state_dir_, service_);
        if (!loaded) {
            facts.state_cause = loaded.error();
            facts.remembers = may_write_ || loaded.error().code == errc::bad_data;  // such a record is written anew
        }
        if (!loaded || !*loaded) {
            const auto made = may_write_ ? make_last_known_directory(files_, state_dir_) : result<void>{};
            if (!made) forget(facts, made.error());
            return;
        }
        stored_ = std::move(**loaded);
        const milliseconds age = clock_.monotonic() - stored_->at;
        const bool of_this_boot = stored_->boot == boot_ && age.count >= 0;
        if (is_of_agents_datacenter(consul)) datacenter_ = stored_->datacenter;
        if (!stored_->is_about_the_same(record(facts))) {
            // Somebody may look at another cluster for once: that must not change what this node does.
            if (of_this_boot && age < seconds(60)) {
                may_write_ = false;
                facts.state_cause =
                    error{errc::failed, last_known_file(state_dir_, service_) +
                                            " is kept for another document, node, datacenter or agent just now"};
            }
            return;
        }
        if (!of_this_boot) return;
        known_ = stored_;
        if (age < options_.max_age) facts.remembered = known_;
    }

    /// There can be no record.
    void forget(resolution& facts, const error& why) {
        facts.state_cause = why;
        facts.remembers = false;
        may_write_ = false;
    }

    /// Whether the record's datacenter is this node's, though only one of the two is named: the other is the agent's.
    [[nodiscard]] auto is_of_agents_datacenter(client& consul) -> bool {
        const std::string& named = datacenter_.empty() ? stored_->datacenter : datacenter_;
        if (datacenter_ == stored_->datacenter || !(datacenter_.empty() || stored_->datacenter.empty())) return false;
        const auto agent = consul.agent();
        return agent && agent->datacenter == named;
    }

    /// Writes only what is new, or what would soon be too old. A look that could not tell must not undo what another
    /// process has found out meanwhile.
    void remember(resolution& facts, const last_known& now, bool could_tell = true) {
        if (!may_write_) return;
        const milliseconds renewal{
            std::min(options_.max_age.count == 0 ? 60'000 : options_.max_age.count, std::int64_t{60'000}) / 4};
        if (known_ && known_->says_the_same_as(now) && now.at - known_->at < renewal) return;
        if (!could_tell) {
            const auto newest = load_last_known(files_, state_dir_, service_);
            if (newest && *newest != stored_) return;
        }
        // After a power failure it is another boot, for which a record only tells how far the cluster had come: what
        // is new about anything else need not wait for the disk.
        const bool further = now.document > (stored_ && stored_->is_about_the_same(now) ? stored_->document : 0);
        const auto saved =
            save_last_known(files_, state_dir_, service_, now, further ? durability::flushed : durability::later);
        facts.state_cause = saved ? std::nullopt : std::optional{saved.error()};
    }

    Transport& transport_;
    Clock& clock_;
    Files& files_;
    std::string state_dir_;
    resolver_options options_;
    std::string service_{};  ///< the one that is resolved
    // What recall() has found.
    std::string boot_{};
    std::string datacenter_{};            ///< as the record names it
    std::optional<last_known> stored_{};  ///< whatever the file holds
    std::optional<last_known> known_{};   ///< the same, if it is about this node's role in this boot
    bool may_write_{};
};

/// This node's role for a Consul service, asked of a host. `budget` is to be less than the caller's time: when Consul
/// hangs, there must still be time to hold the service against the last known role. Fails where nothing could be asked:
/// with errc::usage if the service's name is wrong, with errc::configuration if a setting is.
template <host Host>
[[nodiscard]] auto resolve(Host& here, std::string_view service, const std::string& state_dir,
                           const resolver_options& options, milliseconds budget) -> result<resolution> {
    if (auto valid = validate_segment("the Consul service name", service); !valid) return unexpected{valid.error()};
    auto facts = role_resolver{here.consul, here.clock, here.files, state_dir, options}.resolve(service, budget);
    // The service's name is valid: what else is wrong with the key comes from clusterKey or the environment.
    if (facts.cause && facts.cause->code == errc::usage) {
        return fail(errc::configuration, facts.cause->message, "clusterKey environment");
    }
    // Of a known role the actives may be in doubt for lack of a setting: that is an unknown with its reason.
    if (facts.own == role::unknown && facts.cause && facts.cause->code == errc::configuration) {
        return unexpected{*facts.cause};
    }
    return facts;
}

}  // namespace powerconsul::inline v0
