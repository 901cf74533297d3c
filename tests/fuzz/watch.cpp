// covers: heal/handler.hpp heal/own_look.hpp heal/trigger.hpp heal/rules.hpp heal/journal.hpp
// consul/checks_json.hpp
#include <powerconsul/heal/handler.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/testing/fakes.hpp>

#include "answers.hpp"
#include "fuzz.hpp"

using namespace powerconsul;

namespace {

/// Starts nothing and remembers what it would have begun.
struct any_job {
    fuzz::choices pick;
    std::vector<job> begun{};

    template <typename Ready>
    [[nodiscard]] auto run(const job& what, Ready&& ready) -> result<job_outcome> {
        if (pick.of(8) == 7) return fail(errc::usage, "it cannot be started");
        if (auto agreed = ready(process_mark{1000, 1, "boot"}); !agreed) return unexpected{agreed.error()};
        begun.push_back(what);
        job_outcome end;
        end.how = pick.of(4) == 3 ? ending::timed_out : ending::exited;
        end.status = static_cast<int>(pick.of(3));
        end.output = "what it prints";
        return end;
    }
    [[nodiscard]] auto is_running(const process_mark&) -> result<bool> {
        if (pick.of(5) == 4) return fail(errc::io, "it cannot be told");
        return pick.yes();
    }
    [[nodiscard]] auto end(const process_mark&) -> result<void> { return {}; }
};

[[nodiscard]] auto variable(const job& of, std::string_view name) -> std::string {
    const std::string start = "POWERCONSUL_" + std::string{name} + '=';
    for (const auto& each : of.environment) {
        if (each.starts_with(start)) return each.substr(start.size());
    }
    return {};
}

/// Not one that only tells that something has ended.
[[nodiscard]] auto is_attempt(const job& what) -> bool {
    return variable(what, "STATE") == "critical";
}

/// Of all that the agent has said, for the check that a job is for.
void may_act(const job& what, const fuzz::answers& consul, const std::vector<snapshot_check>& listed) {
    const std::string id = variable(what, "CHECK_ID");
    bool is_listed = false;
    for (const auto& each : listed) is_listed = is_listed || one_line(each.check_id, 1000) == id;
    fuzz::expect(variable(what, "ROLE") != "unknown", "acts without a role", id);
    bool asked = false;
    bool triggered = false;
    bool refuted = true;
    for (const auto& each : consul.all()) {
        if (!each.response || each.response->status != 200) continue;
        triggered = triggered || each.request.target.starts_with("/v1/kv/triggers/");
        if (each.request.target != "/v1/agent/checks") continue;
        asked = true;
        const auto checks = json::decode_agent_checks(each.response->body);
        if (!checks) continue;
        bool known = false;
        bool well = true;
        for (const auto& one : *checks) {
            if (one_line(one.check_id, 1000) != id) continue;
            known = true;
            well = well && (one.status != "critical" || one.output.empty() || is_unproven(one.output));
        }
        is_listed = is_listed || known;
        refuted = refuted && known && well;
    }
    fuzz::expect(is_listed, "acts for a check that nobody listed", id);
    fuzz::expect(asked, "acts without asking the agent", id);
    fuzz::expect(triggered, "acts without a trigger", id);
    fuzz::expect(!refuted, "acts for a check that the agent never called critical", id);
}

/// Choices; the snapshot; the last known role; and what Consul answers.
void run(std::string_view bytes) {
    fuzz::parts script{bytes};
    any_job jobs{fuzz::choices{script.next()}};
    const auto found = json::snapshot{script.next()}.checks_of({"production-web3", {}, {}});
    const std::string_view record = script.next();
    if (!found || found->empty()) return;
    testing::fake_host<> machine;
    for (const auto& each : *found) {
        const auto seen = heal::look_again(machine, each.output, {.manager = service_manager::systemd});
        fuzz::expect(!seen || kind_of_output(each.output) == output_kind::own, "looks for another program",
                     each.output);
    }
    const auto services = by_service(*found, {});
    testing::manual_clock time;
    testing::memory_files files;
    files.user_id = 0;
    if (!record.empty()) files.put("/state/last-known/web.json", record);
    fuzz::answers consul{script, time};
    no_event_log log;
    watch_options options;
    options.lock_wait = {};
    const auto& [service, listed] = services.front();
    struct {
        testing::manual_clock& clock;
        testing::memory_files& files;
        any_job& jobs;
        no_event_log& log;
    } here{time, files, jobs, log};
    service_handler handler{consul, here, "/state", {.who = {.host = "production-web3"}}, options};
    for (int call = 0; call < 2; ++call) {
        const std::size_t before = jobs.begun.size();
        const auto report = handler.handle(service, listed);
        std::size_t attempts = 0;
        for (std::size_t i = before; i < jobs.begun.size(); ++i) attempts += is_attempt(jobs.begun[i]) ? 1 : 0;
        fuzz::expect(attempts <= 1, "acts more than once in a look", service);
        fuzz::expect(!report.cause || !report.cause->message.empty(), "cause without a word", service);
        time.advance(seconds(1));
    }
    for (const auto& each : jobs.begun) {
        if (is_attempt(each)) may_act(each, consul, listed);
    }
    if (jobs.begun.empty()) return;

    journal_directory<testing::memory_files> journals{files, "/state"};
    const auto kept = journals.load(service);
    fuzz::expect(kept && kept->note.empty(), "acts, and leaves no journal", service);
    std::size_t attempts = 0;
    for (const auto& each : kept->value.attempts) attempts += each.informs ? 0 : 1;
    std::size_t begun = 0;
    for (const auto& each : jobs.begun) begun += is_attempt(each) ? 1 : 0;
    fuzz::expect(attempts + kept->value.dropped >= begun, "an attempt is not in the journal", service);
    // Whatever is answered: within a second no trigger runs twice.
    fuzz::expect(begun <= 1, "acts before its back-off", service);
}

const fuzz::enlisted here{"watch", run};

}  // namespace
