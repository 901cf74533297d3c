// covers: heal/journal.hpp heal/journal_json.hpp heal/incident.hpp heal/rules.hpp ports/trust.hpp json/members.hpp
#include <powerconsul/heal/journal.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/heal/journal_json.hpp>
#include <powerconsul/heal/rules.hpp>
#include <powerconsul/testing/memory_files.hpp>

#include "fuzz.hpp"

using namespace powerconsul;

namespace {

constexpr std::string_view path = "/state/journal/web.json";
constexpr standing standings[] = {standing::in_state,  standing::not_known, standing::passing,
                                  standing::elsewhere, standing::silent,    standing::unproven};
constexpr healing endings[] = {healing::ended, healing::failed_to_run, healing::timed_out};

/// One service through some rounds of its watch; the last one is written down as the handler writes it.
class history {
public:
    explicit history(std::string_view texts) : texts_{texts} { files.user_id = 0; }

    void round(fuzz::choices& pick, bool is_last) {
        last_ = is_last;
        now = now + seconds(std::int64_t{1} << pick.of(12));
        facts = facts_of(pick);
        auto decided = decide(current, bad_state::critical, facts, now);
        current = std::move(decided.after);
        save();
        for (const auto& each : decided.steps) {
            if (each.what != step::act) continue;
            if (pick.of(5) == 4) {
                current = attempt_held(std::move(current), each.incident, text(), now);
                save();
                continue;
            }
            attempt intent;
            intent.began = now;
            intent.may_run = seconds(70);
            intent.process = {1000 + pick.of(9), 7, "boot"};
            intent.key = "triggers/production/web/primary/critical";
            current = attempt_began(std::move(current), each.incident, intent);
            save();
            if (pick.of(5) == 4) continue;  // whoever ran it is dead
            intent.ended = now + seconds(pick.of(60));
            intent.result = endings[pick.of(3)];
            intent.status = static_cast<int>(pick.of(256)) - 1;
            intent.output = text();
            current = attempt_ended(std::move(current), each.incident, intent);
            save();
        }
        if (pick.of(16) == 15) rearm(current);
    }

    [[nodiscard]] static auto facts_of(fuzz::choices& pick) -> std::vector<check_facts> {
        std::vector<check_facts> all;
        for (std::size_t i = 0; i < 3; ++i) {
            const unsigned how = pick.of(16);
            if (how == 15) continue;
            check_facts one{"node", "web", "check" + std::to_string(i), how % 4 != 3, false, how + 1, how + 2, {}};
            one.now = standings[how % 6];
            all.push_back(std::move(one));
        }
        return all;
    }

    testing::memory_files files{};
    journal current{"web", {}};
    milliseconds now{seconds(1'700'000'000)};
    std::vector<check_facts> facts{};
    std::string before{};  ///< the file as it was before the last change of it

private:
    void save() {
        if (!last_) return;
        const auto text_before = files.get(std::string{path});
        journal_directory<testing::memory_files> journals{files, "/state"};
        const auto saved = journals.save(current);
        fuzz::expect(saved.has_value(), "it cannot be saved", saved ? "" : saved.error().message);
        const auto loaded = journals.load("web");
        fuzz::expect(loaded && loaded->note.empty(), "what was saved is damaged", *files.get(std::string{path}));
        for (const auto& each : current.incidents) {
            const bool there = std::any_of(loaded->value.incidents.begin(), loaded->value.incidents.end(),
                                           [&](const auto& one) { return one.id == each.id; });
            fuzz::expect(there || !each.is_open(), "an open incident is lost", each.id);
        }
        current = loaded->value;
        if (text_before && *text_before != *files.get(std::string{path})) before = *text_before;
    }

    [[nodiscard]] auto text() -> std::string { return std::string{texts_.next()}; }

    fuzz::parts texts_;
    bool last_{};
};

/// What a disk, a crash or an editor may do to the bytes.
[[nodiscard]] auto damaged(std::string bytes, const std::string& before, fuzz::choices& pick) -> std::string {
    const auto place = [&] {
        const std::size_t at = pick.of(256) * std::size_t{256} + pick.of(256);
        return bytes.empty() ? 0 : at % bytes.size();
    };
    do {
        switch (pick.of(7)) {
            case 0: bytes.resize(place()); break;
            case 1:
                if (!bytes.empty()) bytes[place()] = static_cast<char>(pick.of(256));
                break;
            case 2:
                if (!bytes.empty()) {
                    const std::size_t at = place();
                    bytes[at] = static_cast<char>(bytes[at] ^ (1 << pick.of(8)));
                }
                break;
            case 3: bytes.insert(place(), 1, static_cast<char>(pick.of(256))); break;
            case 4: {
                const std::size_t at = place();
                bytes.replace(at, std::min<std::size_t>(512, bytes.size() - at), 512, '\0');
                break;
            }
            case 5: {  // its beginning is the new one, the rest is still the old one
                const std::size_t at = place();
                bytes = bytes.substr(0, at) + (at < before.size() ? before.substr(at) : "");
                break;
            }
            default: {
                const std::size_t from = place();
                bytes.erase(from, 1 + place() % 64);
            }
        }
    } while (pick.of(4) == 3);
    return bytes;
}

[[nodiscard]] auto acts(const incident_decision& decided) -> std::vector<std::string> {
    std::vector<std::string> ids;
    for (const auto& each : decided.steps) {
        if (each.what == step::act) ids.push_back(each.incident);
    }
    return ids;
}

void damage(history& past, std::string_view how) {
    fuzz::choices pick{how};
    const std::string sound = past.files.get(std::string{path}).value_or("");
    if (sound.empty()) return;
    const std::string bytes = damaged(sound, past.before, pick);
    past.files.put(std::string{path}, bytes);
    journal_directory<testing::memory_files> journals{past.files, "/state"};
    const auto loaded = journals.load("web");
    fuzz::expect(loaded.has_value(), "damage is no reason not to start anew", bytes);
    if (loaded->note.empty()) {
        fuzz::expect(bytes == sound || bytes == past.before, "neither old nor new", bytes, sound);
        return;
    }
    fuzz::expect(loaded->value == journal{"web", {}} && !loaded->note.empty(), "damaged, and not empty", bytes);
    fuzz::expect(past.files.get(std::string{path} + ".damaged") == bytes, "the bytes are lost", loaded->note);
    // A trigger may have run just now: nothing is due for the shortest back-off.
    const retry_rules rules;
    auto decided = held_after_damage(decide(loaded->value, bad_state::critical, past.facts, past.now), past.now);
    fuzz::expect(acts(decided).empty(), "acts on a damaged journal", bytes);
    decided =
        decide(std::move(decided.after), bad_state::critical, past.facts, past.now + rules.backoff - milliseconds{1});
    fuzz::expect(acts(decided).empty(), "acts before its back-off", bytes);
}

/// A journal's text as somebody might have written it: it must be refused, or be what would be written.
void read(std::string_view text) {
    const auto decoded = json::decode_journal(text);
    if (!decoded) {
        return fuzz::expect(decoded.error().code == errc::bad_data && !decoded.error().message.empty(), "no reason",
                            text);
    }
    fuzz::expect(json::encode_journal(*decoded) == text, "half read", text);
    const auto bounded = bounded_journal(*decoded);
    fuzz::expect(!bounded || json::encode_journal(*bounded).size() <= largest_journal, "too large", text);
    const auto decided = decide(*decoded, bad_state::critical, {}, seconds(1'700'000'000));
    fuzz::expect(acts(decided).empty(), "acts on checks that nobody lists", text);
}

/// What happens; texts, which triggers print; the damage; and another journal.
void run(std::string_view bytes) {
    fuzz::parts script{bytes};
    fuzz::choices rounds{script.next()};
    const std::string_view how = script.next();
    if (how.empty()) return read(script.rest());
    history past{script.rest()};
    for (int left = 8; rounds.more() && left > 0; --left) {
        const bool last = left == 1;
        past.round(rounds, last);
        if (!last && !rounds.more()) past.round(rounds, true);
    }
    damage(past, how);
}

const fuzz::enlisted here{"journal", run};

}  // namespace
