// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/subscriber.hpp>

#include <memory>
#include <string_view>

namespace tidings::matrix {

class world;

/// What a bad transport might do. Those of the first group do it to the seventh event, the others
/// to all.
enum class fault {
    none,

    drop,
    repeat,
    repeat_late,  ///< after the ninth
    swap,         ///< with the eighth
    leak_descriptor,
    leak_memory,  ///< twice what is taken for growth of caches
    leak_timer,

    alter_byte,  ///< in the cable of the seventh alone
    truncate,    ///< data, after 64 KiB
    lose_data,
    lose_empty_data,
    invent_data,
    reformat_json,
    turn_cr_into_lf,
    replace_ill_formed,  ///< data becomes UTF-8
    lose_extension,
    lose_types,  ///< values of extensions become text
    alter_extension,
    invent_extension,
    lose_subject,
    round_time,  ///< to milliseconds
    alter_id,
    alter_type,
    alter_source,
    alter_schema,
    lose_parameters,  ///< of the content type
    alter_topic,
    forget_origin,
    hide_closed,
    hide_unsubscribed,
    lose_completion,
    keep,  ///< holds on to events after all is over

    // Of the cable.
    lose_answer,    ///< to the request that brings the seventh
    resume_late,    ///< the first connection after a cut goes on one event too late
    resume_early,   ///< or too early
    lose_position,  ///< or with the present

    // Of the scene itself: what a case asks for does not happen.
    skip_cuts,
    skip_close,
};

/// Where it stands: in front of the transport, in the bytes of its connections (on the simulated
/// network), or behind it.
enum class place { before, inside, after };

struct plan {
    fault planted = fault::none;
    place where = place::before;
};

/// Events of this topic pass untouched.
inline constexpr std::string_view end_topic = "matrix.end";

/// Stands in front of a subscriber and does it.
std::shared_ptr<subscriber> with_fault(fault f, std::shared_ptr<subscriber> inner, const world& w);

/// Lets go of what is kept and leaked.
void release_kept();

}  // namespace tidings::matrix
