#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>

#include <powerconsul/core/text.hpp>
#include <powerconsul/ports/host.hpp>
#include <powerconsul/testing/memory_files.hpp>

/// All fakes that an embedder's tests need. For Consul itself see store/store.hpp: it answers the real API from memory
/// and is the better choice wherever the answer's text does not matter.
namespace powerconsul::inline v0::testing {

/// A clock that stands still until a test moves it or something sleeps, which takes no real time. `advance` moves all
/// times on; `suspend` leaves out the time awake; `set_wall` steps the wall clock alone, as an administrator or NTP
/// would; the monotonic time never steps. Models `waiting_clock` and `awake_clock`. The monotonic times start at 0, the
/// wall clock at 2024-01-01 UTC.
class manual_clock {
public:
    [[nodiscard]] auto monotonic() const -> milliseconds { return monotonic_; }
    [[nodiscard]] auto awake() const -> milliseconds { return awake_; }
    [[nodiscard]] auto wall() const -> milliseconds { return wall_; }

    void advance(milliseconds by) {
        awake_ = awake_ + by;
        suspend(by);
    }
    void suspend(milliseconds by) {
        monotonic_ = monotonic_ + by;
        wall_ = wall_ + by;
    }
    void sleep(milliseconds time) { advance(time); }
    void set_wall(milliseconds since_1970) { wall_ = since_1970; }

private:
    milliseconds monotonic_{0};
    milliseconds awake_{0};
    milliseconds wall_{seconds(1'704'067'200)};
};

/// A log that keeps its events for a test to look at, in the order in which they came. Several threads may write to it
/// at the same time. Pass it by reference: it cannot be copied. Models `event_log`.
class recording_log {
public:
    void write(const event& what) {
        const std::lock_guard hold{mutex_};
        events_.push_back(what);
    }

    [[nodiscard]] auto events() const -> std::vector<event> {
        const std::lock_guard hold{mutex_};
        return events_;
    }
    /// Only the events with this `what`.
    [[nodiscard]] auto events(std::string_view what) const -> std::vector<event> {
        auto chosen = events();
        std::erase_if(chosen, [&](const event& each) { return each.what != what; });
        return chosen;
    }
    void clear() {
        const std::lock_guard hold{mutex_};
        events_.clear();
    }

private:
    mutable std::mutex mutex_{};
    std::vector<event> events_{};
};

static_assert(event_log<recording_log>);

/// Users and groups that a test makes up. Models `account_source`.
class memory_accounts {
public:
    auto add_user(std::string name, std::uint32_t id) -> memory_accounts& {
        users_.insert_or_assign(std::move(name), id);
        return *this;
    }
    auto add_group(std::string name, std::uint32_t id) -> memory_accounts& {
        groups_.insert_or_assign(std::move(name), id);
        return *this;
    }

    /// Every call fails with this error until `heal`.
    void fail_with(error why) { failure_ = std::move(why); }
    void heal() { failure_.reset(); }

    [[nodiscard]] auto user_id(const std::string& name) const -> result<std::optional<std::uint32_t>> {
        return id_of(users_, name);
    }
    [[nodiscard]] auto group_id(const std::string& name) const -> result<std::optional<std::uint32_t>> {
        return id_of(groups_, name);
    }
    [[nodiscard]] auto user_name(std::uint32_t id) const -> result<std::optional<std::string>> {
        return name_of(users_, id);
    }
    [[nodiscard]] auto group_name(std::uint32_t id) const -> result<std::optional<std::string>> {
        return name_of(groups_, id);
    }

private:
    using ids = std::map<std::string, std::uint32_t>;

    [[nodiscard]] auto id_of(const ids& known, const std::string& name) const -> result<std::optional<std::uint32_t>> {
        if (failure_) return unexpected{*failure_};
        const auto at = known.find(name);
        return at == known.end() ? std::optional<std::uint32_t>{} : std::optional{at->second};
    }
    [[nodiscard]] auto name_of(const ids& known, std::uint32_t id) const -> result<std::optional<std::string>> {
        if (failure_) return unexpected{*failure_};
        for (const auto& [name, number] : known) {
            if (number == id) return std::optional{name};
        }
        return std::optional<std::string>{};
    }

    ids users_{};
    ids groups_{};
    std::optional<error> failure_{};
};

static_assert(account_source<memory_accounts>);

/// Scripted answers, by what they answer. Several for one key are given in order and the last one is repeated.
template <typename Key, typename Answer>
class script {
public:
    void add(Key key, Answer answer) {
        const auto found = algo::find(rows_, key, &row::key);
        auto& into = found != rows_.end() ? *found : rows_.emplace_back(row{std::move(key), {}, 0});
        into.answers.push_back(std::move(answer));
    }
    /// nullptr if there is none for that key.
    [[nodiscard]] auto next(const Key& key) -> const Answer* {
        const auto found = algo::find(rows_, key, &row::key);
        if (found == rows_.end()) return nullptr;
        return &found->answers[std::min(found->given++, found->answers.size() - 1)];
    }
    /// The keys in the order in which they were added first.
    [[nodiscard]] auto keys() const -> std::vector<Key> {
        std::vector<Key> all;
        for (const auto& each : rows_) all.push_back(each.key);
        return all;
    }

private:
    struct row {
        Key key;
        std::vector<Answer> answers;
        std::size_t given{};
    };

    std::vector<row> rows_{};
};

/// The words, each in quotes and with a blank before it.
[[nodiscard]] inline auto quoted_words(const std::vector<std::string>& words) -> std::string {
    std::string line;
    for (const auto& word : words) line += ' ' + quoted(word);
    return line;
}

/// A transport that answers by a script and records what it was asked. Several answers for one method and target are
/// given in order and the last one is repeated; a request without any fails with errc::failed, which names what is
/// scripted. Models `http_transport`. The target is compared as it is, query included; the body and the timeout are not
/// compared.
class fake_transport {
public:
    auto on(http_method method, std::string target, result<http_response> answer) -> fake_transport& {
        script_.add({method, std::move(target)}, std::move(answer));
        return *this;
    }
    auto on(http_method method, std::string target, int status, std::string body) -> fake_transport& {
        return on(method, std::move(target), http_response{status, std::move(body), {}});
    }

    [[nodiscard]] auto perform(const http_request& request) -> result<http_response> {
        requests_.push_back(request);
        if (const auto* const answer = script_.next({request.method, request.target})) return *answer;
        std::vector<std::string> known;
        for (const auto& each : script_.keys()) known.push_back(line(each));
        return fail(errc::failed, "no answer is scripted for " + line({request.method, request.target}) +
                                      "; there is one for " + (known.empty() ? "nothing" : listed(known)));
    }

    [[nodiscard]] auto requests() const -> const std::vector<http_request>& { return requests_; }

private:
    using key = std::pair<http_method, std::string>;

    static auto line(const key& of) -> std::string {
        return std::string{to_string(of.first)} + ' ' + one_line(of.second, 200);
    }

    script<key, result<http_response>> script_{};
    std::vector<http_request> requests_{};
};

/// An executor that starts nothing: it gives scripted outcomes and records the commands. Several outcomes for one argv
/// are given in order and the last one is repeated; a command without any fails with errc::failed, which names it.
/// Models `command_executor`. Only argv is compared; scripted output is returned whole, whatever output_limit says.
class fake_executor {
public:
    auto on(std::vector<std::string> argv, result<outcome> end) -> fake_executor& {
        script_.add(std::move(argv), std::move(end));
        return *this;
    }
    auto on(std::vector<std::string> argv, int exit_status, std::string out = {}) -> fake_executor& {
        return on(std::move(argv), outcome{ending::exited, exit_status, std::move(out), {}, false});
    }

    [[nodiscard]] auto run(const command& what) -> result<outcome> {
        commands_.push_back(what);
        if (const auto* const end = script_.next(what.argv)) return *end;
        return fail(errc::failed, "no outcome is scripted for the command" + quoted_words(what.argv));
    }

    [[nodiscard]] auto commands() const -> const std::vector<command>& { return commands_; }

private:
    script<std::vector<std::string>, result<outcome>> script_{};
    std::vector<command> commands_{};
};

/// A supervisor that starts nothing: it gives scripted outcomes and records the jobs. Several outcomes for one argv are
/// given in order and the last one is repeated; a job without any fails with errc::failed, which names it. Only argv is
/// compared. As with real processes, errc::usage comes before `ready` is called and every other error after it. Models
/// `job_supervisor`; the marks are {1001, 1, "boot"}, {1002, 2, "boot"}, ... Several threads may use it.
class fake_supervisor {
public:
    auto on(std::vector<std::string> argv, result<job_outcome> end) -> fake_supervisor& {
        const std::lock_guard lock{guard_};
        script_.add(std::move(argv), std::move(end));
        return *this;
    }
    auto on(std::vector<std::string> argv, int exit_status, std::string output = {}) -> fake_supervisor& {
        job_outcome end;
        end.status = exit_status;
        end.output = std::move(output);
        return on(std::move(argv), result<job_outcome>{std::move(end)});
    }
    /// Sets what a job does to the test's world while it runs, after `ready` has accepted it.
    auto doing(std::function<void(const job&, const process_mark&)> effect) -> fake_supervisor& {
        const std::lock_guard lock{guard_};
        effect_ = std::move(effect);
        return *this;
    }
    /// Adds a job that another supervisor, now dead, left running; it runs until `end`.
    auto left_running(process_mark mark) -> fake_supervisor& {
        const std::lock_guard lock{guard_};
        running_.push_back(std::move(mark));
        return *this;
    }
    /// From now on is_running() and end() fail with this error.
    auto cannot_tell(error why) -> fake_supervisor& {
        const std::lock_guard lock{guard_};
        blind_ = unexpected{std::move(why)};
        return *this;
    }

    template <typename Ready>
    [[nodiscard]] auto run(const job& what, Ready&& ready) -> result<job_outcome> {
        auto end = next(what);
        if (!end && end.error().code == errc::usage) return end;
        const auto mark = begin();
        result<void> agreed = ready(mark);
        if (agreed && end) begun(what, mark);
        forget(mark);
        if (!agreed) return unexpected{std::move(agreed).error()};
        return end;
    }

    [[nodiscard]] auto is_running(const process_mark& mark) const -> result<bool> {
        const std::lock_guard lock{guard_};
        if (!blind_) return unexpected{blind_.error()};
        return std::find(running_.begin(), running_.end(), mark) != running_.end();
    }

    [[nodiscard]] auto end(const process_mark& mark) -> result<void> {
        const std::lock_guard lock{guard_};
        if (!blind_) return blind_;
        if (std::erase(running_, mark) != 0) ended_.push_back(mark);
        return {};
    }

    /// All jobs that run() was called with, in order, including those that were not started.
    [[nodiscard]] auto jobs() const -> std::vector<job> {
        const std::lock_guard lock{guard_};
        return jobs_;
    }
    /// The jobs that were accepted by `ready` and started.
    [[nodiscard]] auto begun() const -> std::vector<job> {
        const std::lock_guard lock{guard_};
        return begun_;
    }
    /// The jobs that `end` has killed.
    [[nodiscard]] auto ended() const -> std::vector<process_mark> {
        const std::lock_guard lock{guard_};
        return ended_;
    }

private:
    [[nodiscard]] auto next(const job& what) -> result<job_outcome> {
        const std::lock_guard lock{guard_};
        jobs_.push_back(what);
        if (const auto* const end = script_.next(what.argv)) return *end;
        return fail(errc::failed, "no outcome is scripted for the job" + quoted_words(what.argv));
    }

    [[nodiscard]] auto begin() -> process_mark {
        const std::lock_guard lock{guard_};
        ++marks_;
        running_.push_back({static_cast<std::int64_t>(1000 + marks_), marks_, "boot"});
        return running_.back();
    }

    /// The effect runs without the lock: it may call this object.
    void begun(const job& what, const process_mark& mark) {
        std::unique_lock lock{guard_};
        begun_.push_back(what);
        const auto effect = effect_;
        lock.unlock();
        if (effect) effect(what, mark);
    }

    void forget(const process_mark& mark) {
        const std::lock_guard lock{guard_};
        std::erase(running_, mark);
    }

    mutable std::mutex guard_{};
    script<std::vector<std::string>, result<job_outcome>> script_{};
    std::function<void(const job&, const process_mark&)> effect_{};
    result<void> blind_{};
    std::uint64_t marks_{};
    std::vector<job> jobs_{};
    std::vector<job> begun_{};
    std::vector<process_mark> running_{};
    std::vector<process_mark> ended_{};
};

static_assert(job_supervisor<fake_supervisor> && job_supervisor<fake_supervisor&>);

/// A systemd of scripted units, which records what it was asked for. Models `unit_source`. A unit without an answer
/// fails with errc::failed, which names it. Each answer uses up the time that it was scripted with, or all that is
/// left. A pattern with one `*` matches the scripted units or, where it is scripted itself as a failure, fails.
class fake_units {
public:
    auto on(std::string unit, result<unit_state> answer, milliseconds takes = {}) -> fake_units& {
        script_.push_back({std::move(unit), std::move(answer), takes});
        return *this;
    }

    [[nodiscard]] auto ask(std::string_view unit, milliseconds& left) -> result<unit_state> {
        asked_.emplace_back(unit);
        for (const auto& each : script_) {
            if (each.unit == unit) return answered(each, left);
        }
        return fail(errc::failed, "no answer is scripted for the unit " + quoted(unit));
    }

    [[nodiscard]] auto matching(std::string_view pattern, milliseconds& left) -> result<std::vector<unit_state>> {
        asked_.emplace_back(pattern);
        const auto star = pattern.find('*');
        std::vector<unit_state> all;
        for (const auto& each : script_) {
            const bool matches = each.unit == pattern || (each.unit.starts_with(pattern.substr(0, star)) &&
                                                          each.unit.ends_with(pattern.substr(star + 1)));
            if (!matches) continue;
            auto state = answered(each, left);
            if (!state) return unexpected{std::move(state).error()};
            state->id = each.unit;
            all.push_back(*std::move(state));
        }
        return all;
    }

    [[nodiscard]] auto asked() const -> const std::vector<std::string>& { return asked_; }

private:
    struct entry {
        std::string unit{};
        result<unit_state> answer;
        milliseconds takes{};
    };

    [[nodiscard]] static auto answered(const entry& each, milliseconds& left) -> result<unit_state> {
        left = left - shorter(left, each.takes);
        return each.answer;
    }

    std::vector<entry> script_{};
    std::vector<std::string> asked_{};
};

/// A network of scripted ports and pages. Anything that is not scripted fails with errc::failed, which names it. Models
/// `dialer` and `web_client`.
class fake_network {
public:
    auto on(const std::string& host, std::uint16_t port, result<dialed> answer) -> fake_network& {
        ports_.insert_or_assign(host + ':' + std::to_string(port), std::move(answer));
        return *this;
    }
    /// `url` as in `http://web1:80/status`.
    auto on(const std::string& url, result<int> status) -> fake_network& {
        pages_.insert_or_assign(url, std::move(status));
        return *this;
    }

    [[nodiscard]] auto dial(const std::string& host, std::uint16_t port, milliseconds) const -> result<dialed> {
        return find(ports_, host + ':' + std::to_string(port));
    }
    [[nodiscard]] auto get(const std::string& origin, const std::string& target, milliseconds) const -> result<int> {
        return find(pages_, origin + target);
    }

private:
    template <typename T>
    [[nodiscard]] static auto find(const std::map<std::string, result<T>>& among, const std::string& name)
        -> result<T> {
        const auto found = among.find(name);
        if (found != among.end()) return found->second;
        return fail(errc::failed, "no answer is scripted for " + quoted(name));
    }

    std::map<std::string, result<dialed>> ports_{};
    std::map<std::string, result<int>> pages_{};
};

static_assert(dialer<fake_network> && web_client<fake_network>);

/// A host made of fakes, for one thread. Give it an embedded store as `Transport` wherever the text of Consul's answers
/// does not matter.
template <http_transport Transport = fake_transport>
struct fake_host {
    Transport consul{};
    manual_clock clock{};
    memory_files files{};
    fake_executor programs{};
    fake_supervisor jobs{};
    fake_units units{};
    memory_accounts users{};
    recording_log log{};
    fake_network network{};
    fake_network web{};
    sequential_runner tasks{};
    std::string name{"production-web1"};
};

static_assert(host<fake_host<>>);

}  // namespace powerconsul::inline v0::testing
