#pragma once

#include <powerconsul/config/configuration.hpp>
#include <powerconsul/core/time.hpp>
#include <powerconsul/heal/trigger.hpp>
#include <powerconsul/lint/linter.hpp>
#include <powerconsul/ports/host.hpp>

namespace powerconsul::inline v0 {

namespace detail {

/// Reads documents and triggers from Consul's KV store and the services' instances from Consul, and passes them to a
/// linter.
template <host Host, typename Linter>
class kv_reader {
public:
    kv_reader(Linter& to, Host& here, const config::configuration& chosen)
        : to_{to},
          here_{here},
          deadline_{here.clock.monotonic() + chosen.timeout},
          consul_{here.consul, here.clock, deadline_},
          datacenter_{chosen.roles.who.datacenter} {}

    /// Reads the keys of one service one by one: unlike a list, such a read tells an absent key from a forbidden one.
    [[nodiscard]] auto one(const std::string& service) -> result<void> {
        const auto& bases = to_.around().bases;
        if (auto read = document(service); !read) return read;
        bool found = false;
        for (const auto as : role_names) {
            for (const auto state : state_names) {
                for (const auto& at : places(service, as, state)) {
                    auto value = consul_.read_key(at, datacenter_);
                    if (!value) return unexpected{std::move(value).error()};
                    if (!*value) continue;
                    found = true;
                    look_at({at, std::move((*value)->value), 0});
                }
            }
        }
        // The lists find misspelt names. They may be empty because the token may not list keys.
        for (const auto& base : trigger_bases()) {
            const std::string below = base + '/' + service + '/';
            auto rest = list_keys(here_.consul, below, datacenter_, left());
            if (!rest && rest.error().code != errc::denied) return unexpected{std::move(rest).error()};
            if (!rest) {
                to_.report().add(below, severity::note, "other keys could not be listed: " + rest.error().message);
                continue;
            }
            for (const auto& each : rest->keys) look_at(each);
        }
        if (!is_waiting(service) && !found) {
            to_.report().add(bases.cluster + '/' + service, severity::note,
                             service + " has neither a cluster document nor a trigger: every node is standalone");
        }
        return {};
    }

    /// Reads everything below both bases.
    [[nodiscard]] auto all() -> result<void> {
        const auto& bases = to_.around().bases;
        std::size_t count = 0;
        for (const auto* base : {&bases.cluster, &bases.trigger}) {
            auto found = list(*base);
            if (!found) return unexpected{std::move(found).error()};
            for (const auto& each : *found) look_at(each);
            count += found->size();
        }
        // Who may read the triggers of this environment only can have at least these examined.
        if (auto shared = bases.shared.empty() ? result{std::size_t{}} : all_shared(); shared) {
            count += *shared;
        } else if (shared.error().code == errc::denied) {
            to_.report().add(bases.shared, severity::note,
                             "the triggers for all environments could not be looked at: " + shared.error().message);
        } else {
            return unexpected{std::move(shared).error()};
        }
        // For the same reason, a document that is not in the list is read by itself.
        for (const auto& service : to_.services()) {
            if (is_waiting(service)) continue;
            auto one = document(service);
            if (!one) return unexpected{std::move(one).error()};
        }
        if (count == 0) {
            to_.report().add(bases.cluster, severity::error,
                             "neither here nor below " + bases.trigger + " is any key that the token may list" +
                                 (bases.shared.empty() ? "" : ", nor a trigger at " + bases.shared + "/<service>") +
                                 "; is the environment right (--environment, "
                                 "clusterKey, triggerKey), and may the token read and list key_prefix there?");
        }
        return {};
    }

    /// Examines the documents, which were set aside until their services' instances can be asked for. Fails if Consul
    /// could not be read.
    [[nodiscard]] auto finish() -> result<void> {
        std::set<std::string> services;
        for (const auto& [key, _] : waiting_) services.insert(key.service);
        for (const auto& each : to_.services()) services.insert(each);
        auto known = consul_.datacenters();
        if (known) datacenters_ = std::move(*known);
        if (datacenter_.empty() && !datacenters_.empty()) datacenter_ = datacenters_.front();
        std::map<std::string, json::service_sight> sights;
        for (const auto& each : services) sights.emplace(each, sight(each));
        for (const auto& [key, entry] : waiting_) {
            const auto& seen = sights[key.service];
            if (seen.instances.empty() && seen.complete) {
                to_.report().add(entry.key, severity::note,
                                 "Consul shows no instance of " + key.service +
                                     " (there is none, or the token needs service:read on it and node:read): "
                                     "its nodes were not compared");
            }
            to_.document_at(key, entry.key, entry.value, &seen);
        }
        if (auto own = consul_.agent_checks(); own) find_slow_checks(*own);
        for (const auto& [service, seen] : sights) {
            if (seen.complete && seen.instances.empty()) to_.without_instances.insert(service);
            const auto is_here = [&](const auto& one) { return same_node(one.node, to_.around().node); };
            if (algo::any_of(seen.instances, is_here)) to_.instances_here.insert(service);
        }
        return counterparts();
    }

private:
    [[nodiscard]] auto left() -> milliseconds {
        const auto time = shorter(deadline_ - here_.clock.monotonic(), seconds(5));
        return time.count > 0 ? time : milliseconds{1};
    }

    [[nodiscard]] auto trigger_bases() const -> std::vector<std::string> {
        const auto& bases = to_.around().bases;
        return bases.shared.empty() ? std::vector{bases.trigger} : std::vector{bases.trigger, bases.shared};
    }

    /// The checks of the agent that are not powerconsul's, whose subjects it can look at itself.
    void find_slow_checks(const std::vector<snapshot_check>& own) {
        for (const auto& each : own) {
            const auto interval = parse_go_duration(each.interval);
            const auto kind = kind_of_output(each.output);
            if (!interval || (kind != output_kind::other && kind != output_kind::none)) continue;
            auto& slowest = to_.slow_checks[each.service_name];
            if (slowest.interval < *interval) slowest = {each.check_id, *interval};
        }
    }

    /// The keys at which a trigger may stand, in the order of reading.
    [[nodiscard]] auto places(const std::string& service, std::string_view as, std::string_view state) const
        -> std::vector<std::string> {
        auto keys = trigger_bases();
        for (auto& each : keys) each += '/' + service + '/' + std::string{as} + '/' + std::string{state};
        return keys;
    }

    /// What the token may list below a base. Consul silently leaves out of a list what the token may not read, but
    /// refuses to read such a key by itself.
    [[nodiscard]] auto list(const std::string& base) -> result<std::vector<listed_key>> {
        auto found = list_keys(here_.consul, base + '/', datacenter_, left());
        if (!found) return unexpected{std::move(found).error()};
        if (found->keys.empty()) {
            const auto proof = consul_.read_key(base + "/service", datacenter_);
            if (!proof) return unexpected{proof.error()};
        }
        return std::move(found->keys);
    }

    /// Examines the triggers for all environments. Returns how many there are; if there are none, the token must be
    /// able to read them.
    [[nodiscard]] auto all_shared() -> result<std::size_t> {
        const auto& base = to_.around().bases.shared;
        const auto found = list_keys(here_.consul, base + '/', datacenter_, left());
        if (!found) return unexpected{found.error()};
        std::size_t count = 0;
        for (const auto& each : found->keys) count += look_at(each) ? 1 : 0;
        if (count != 0) return count;
        const auto proof = consul_.read_key(base + "/service/primary/critical", datacenter_);
        if (!proof) return unexpected{proof.error()};
        return count;
    }

    /// Examines an entry. Returns whether it was one that had not been seen, of this environment or of all.
    auto look_at(const listed_key& entry) -> bool {
        const auto& bases = to_.around().bases;
        auto key = classify_key(bases, entry.key, entry.value.empty());
        if (key.kind == key_kind::document) {
            waiting_.emplace_back(std::move(key), entry);
            return true;
        }
        const bool below_shared = !bases.shared.empty() && entry.key.starts_with(bases.shared + '/');
        if (key.kind == key_kind::other && below_shared) {
            const auto elsewhere = classify_key({.trigger = bases.shared + "/*", .shared = {}}, entry.key);
            if (elsewhere.kind == key_kind::trigger) to_.environments.insert(elsewhere.environment);
            return false;
        }
        if (!looked_at_.insert(entry.key).second) return false;
        to_.value_at(key, entry.key, entry.value);
        return true;
    }

    /// Reads by itself what is missing beside a trigger, since a list does not show all.
    [[nodiscard]] auto counterparts() -> result<void> {
        for (const auto& each : to_.unpaired()) {
            for (const auto& at : places(each.service, to_string(each.wanted), each.state)) {
                auto value = consul_.read_key(at, datacenter_);
                if (!value && value.error().code != errc::denied) return unexpected{std::move(value).error()};
                if (!value) {
                    to_.report().add(at, severity::note, "it could not be read: " + value.error().message);
                    to_.unread.insert(each.service);
                } else if (*value) {
                    look_at({at, std::move((*value)->value), 0});
                }
            }
        }
        return {};
    }

    [[nodiscard]] auto is_waiting(std::string_view service) const -> bool {
        return algo::any_of(waiting_, [&](const auto& each) { return each.first.service == service; });
    }

    /// Reads one document or records that there is none. Fails if Consul does not tell which.
    [[nodiscard]] auto document(const std::string& service) -> result<void> {
        const auto key = document_key(to_.around().bases.cluster, service);
        if (!key) return unexpected{key.error()};
        auto found = consul_.read_key(*key, datacenter_);
        if (!found) return unexpected{std::move(found).error()};
        if (*found) {
            look_at({*key, std::move((*found)->value), 0});
        } else {
            to_.key_at(*key);
            to_.without_document.insert(service);
        }
        return {};
    }

    /// The instances in this datacenter and, unless these account for all that the document lists, in the others too.
    [[nodiscard]] auto sight(const std::string& service) -> json::service_sight {
        json::service_sight seen{service, datacenter_, {}, datacenters_, true};
        ask(seen, {datacenter_});
        if (!seen.complete || all_listed_are_in(seen)) return seen;
        std::vector<std::string> others;
        for (const auto& each : datacenters_) {
            if (each != datacenter_) others.push_back(each);
        }
        if (datacenters_.empty()) {
            seen.complete = false;
            to_.report().add(service, severity::note, "the datacenters could not be asked for");
        }
        ask(seen, others);
        return seen;
    }

    void ask(json::service_sight& seen, std::vector<std::string> where) {
        const auto silent = std::erase_if(where, [&](const auto& each) { return silent_.count(each) != 0; });
        if (silent != 0) seen.complete = false;
        for (auto& each : consul_.instances(seen.service, where)) {
            if (each.instances) {
                for (auto& one : *each.instances) seen.instances.push_back(std::move(one));
                continue;
            }
            seen.complete = false;
            if (each.instances.error().code != errc::denied) silent_.insert(each.datacenter);
            to_.report().add(seen.service, severity::note,
                             "its instances" + (each.datacenter.empty() ? "" : " in " + each.datacenter) +
                                 " could not be read, its nodes were not compared: " + each.instances.error().message);
        }
    }

    [[nodiscard]] auto all_listed_are_in(const json::service_sight& seen) const -> bool {
        for (const auto& [key, entry] : waiting_) {
            if (key.service != seen.service) continue;
            const auto document = json::decode_cluster_document(entry.value);
            if (!document) continue;
            for (const auto& rule : document->rules) {
                if (rule.group.by == grouping::datacenters) return false;
                for (const auto* list : {&rule.group.active, &rule.group.standby}) {
                    for (const auto& name : *list) {
                        const auto is_it = [&](const auto& one) { return same_node(one.node, name); };
                        if (algo::none_of(seen.instances, is_it)) return false;
                    }
                }
            }
        }
        return !seen.instances.empty();
    }

    Linter& to_;
    Host& here_;
    milliseconds deadline_;
    consul_client<bare<decltype(Host::consul)>&, bare<decltype(Host::clock)>&> consul_;
    std::string datacenter_;
    std::vector<std::string> datacenters_{};
    std::vector<std::pair<known_key, listed_key>> waiting_{};
    std::set<std::string> looked_at_{};  ///< keys other than those of documents
    std::set<std::string> silent_{};     ///< datacenters that did not answer and are not asked again
};

}  // namespace detail

/// What a node's configuration tells a linter.
[[nodiscard]] inline auto surroundings_of(const config::configuration& chosen, const identity& who)
    -> lint_surroundings {
    const auto& base_key = chosen.watch.triggers.base_key;
    lint_surroundings around{.bases = {base_of(chosen.roles.cluster_key, "cluster", who.environment),
                                       base_of(base_key, shared_trigger_base, who.environment),
                                       base_key.empty() ? std::string{shared_trigger_base} : std::string{}},
                             .node = who.node.empty() ? who.host : who.node};
    around.triggers.known = all_substitutions(chosen.watch.triggers, who);
    around.triggers.timeout = chosen.watch.triggers.timeout;
    return around;
}

/// Examines what Consul's KV store holds for a service, or for all services if none is named, and compares it with the
/// instances that Consul shows. Fails if Consul could not be read, with errc::configuration if the keys to examine are
/// not known, and with errc::usage if no service can have the given name.
template <host Host>
[[nodiscard]] auto lint_consul(Host& here, const config::configuration& chosen,
                               const std::optional<std::string>& service) -> result<lint_report> {
    auto around = surroundings_of(chosen, completed(chosen.roles.who));
    around.on_node = true;
    linter to{std::move(around), here.files};
    const std::string_view wild = "/*";
    if (to.around().bases.cluster.ends_with(wild) || to.around().bases.trigger.ends_with(wild)) {
        return fail(errc::configuration, "this machine's host name tells no environment",
                    "clusterKey triggerKey environment");
    }
    for (const auto* base : {&to.around().bases.cluster, &to.around().bases.trigger}) {
        if (auto valid = document_key(*base, "service"); !valid) {
            return fail(errc::configuration, valid.error().message, "clusterKey triggerKey environment");
        }
    }
    const auto valid = validate_segment("the Consul service name", service.value_or("any"));
    if (!valid) return unexpected{valid.error()};
    detail::kv_reader<Host, decltype(to)> from{to, here, chosen};
    if (auto done = service ? from.one(*service) : from.all(); !done) return unexpected{std::move(done).error()};
    if (auto done = from.finish(); !done) return unexpected{std::move(done).error()};
    to.finish();
    return std::move(to.report());
}

}  // namespace powerconsul::inline v0
