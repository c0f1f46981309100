/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a running application offers to other programs of the same user on the session bus; the
 * command is one of them. Object POSADA_BUS_PATH of the name POSADA_BUS_NAME; nobody but the
 * application owns that.
 *
 *   GetStates () → a{ss}            UUIDs of the machines that run there: their states
 *   Operate (uuid, verb)            “start”, “pause”, “resume”, “save” and “kill” are answered when
 *                                   they are done, “shutdown” when the button was pressed
 *   Snapshot (uuid, words)          “take” and a title, “restore” or “delete” and an id, “rename”
 *                                   with both, “cancel”: answered when it is done
 *   SetRemote (uuid, kind, port, password)
 *                                   who may connect to its screen: “off”, “socket” or “network”,
 *                                   for which the rest is; answered when it is so
 *   Screenshot (uuid) → ay          a PNG
 *   OpenConsole (uuid)              shows the window at that machine's screen
 *
 * Errors are POSADA_BUS_ERROR with a sentence for the user.
 */
#pragma once

#define POSADA_BUS_NAME      "io.posada.Posada"
#define POSADA_BUS_PATH      "/io/posada/Posada"
#define POSADA_BUS_INTERFACE "io.posada.Posada.Machines"
#define POSADA_BUS_ERROR     "io.posada.Posada.Error.Failed"

#define POSADA_BUS_XML                                  \
    "<node>"                                            \
    "<interface name='" POSADA_BUS_INTERFACE "'>"       \
    "<method name='GetStates'>"                         \
    "<arg name='states' type='a{ss}' direction='out'/>" \
    "</method>"                                         \
    "<method name='Operate'>"                           \
    "<arg name='uuid' type='s' direction='in'/>"        \
    "<arg name='verb' type='s' direction='in'/>"        \
    "</method>"                                         \
    "<method name='Snapshot'>"                          \
    "<arg name='uuid' type='s' direction='in'/>"        \
    "<arg name='words' type='as' direction='in'/>"      \
    "</method>"                                         \
    "<method name='SetRemote'>"                         \
    "<arg name='uuid' type='s' direction='in'/>"        \
    "<arg name='kind' type='s' direction='in'/>"        \
    "<arg name='port' type='u' direction='in'/>"        \
    "<arg name='password' type='s' direction='in'/>"    \
    "</method>"                                         \
    "<method name='Screenshot'>"                        \
    "<arg name='uuid' type='s' direction='in'/>"        \
    "<arg name='png' type='ay' direction='out'/>"       \
    "</method>"                                         \
    "<method name='OpenConsole'>"                       \
    "<arg name='uuid' type='s' direction='in'/>"        \
    "</method>"                                         \
    "</interface>"                                      \
    "</node>"
