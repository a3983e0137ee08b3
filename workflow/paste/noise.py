"""What a chat says itself: counts of replies, reactions, joins, pictures, marks of edits.

Each pattern matches a whole line, so that no message is cut; other languages are not recognized and
stay. What is left out is shown to the person before anything is recorded.
"""

from __future__ import annotations

import re

EDITED_WORDS = (
    "edited|bearbeitet|modifiée?|editad[oa]|modificat[oa]|bewerkt|redigerad|redigeret|redigert"
    "|muokattu|edytowan[oaey]|upraveno|изменено|ред\\.|düzenlendi|szerkesztve|編集済み|已编辑|已編輯|편집됨"
)
_LINES = (
    # Slack
    r"\d+ (?:repl(?:y|ies)|Antwort(?:en)?|réponses?|respuestas?|respostas?|rispost[ae]|"
    r"reacties|svar)|\d+ ?件の返信",
    r"View (?:thread|newer replies|full conversation|message)",
    r"Thread (?:anzeigen|ansehen)|(?:Afficher|Voir) le fil(?: de discussion)?|Ver hilo|"
    r"Ver (?:conversa|thread)|Visualizza (?:thread|conversazione)|スレッドを表示する",
    r"Last reply .{1,40}|Letzte Antwort .{1,40}|Dernière réponse .{1,40}|"
    r"Última (?:respuesta|resposta) .{1,40}|Ultima risposta .{1,40}|最終返信.{1,20}",
    r"replied to a thread:.*",
    r"(?:has )?(?:joined|left) (?:#\S+|the (?:channel|conversation|meeting|chat|server|group))"
    r"(?: along with .+)?\.?",
    r"was (?:added to|removed from) #\S+.*",
    r"set the channel (?:topic|purpose|description)\b.*",
    r"(?:un)?pinned a message to this (?:channel|conversation).*",
    r"Pinned by .{1,60}",
    r"added an integration to this channel.*",
    r"renamed the channel .*",
    r"Also sent to the channel",
    r"Saved for later.*",
    r"Only visible to you",
    # Teams
    r"(?:like|heart|laugh|surprised|sad|angry) \d+",
    r"\d+ (?:like|heart|laugh|surprised|sad|angry) reactions?\.?",
    r"\d+ replies? from .{1,80}",
    r"(?:[^\W\d_]\S* ){1,4}(?:joined|left) the (?:conversation|meeting|chat|call|team)\.?",
    r"has context menu|last read|collapse all|meeting started|meeting ended:? .{1,20}",
    # Gmail
    r"to me",
    # Google Chat
    r"history is (?:on|off)",
    # Pictures of people
    r"(?:user )?avatar|.{1,60}[’']s (?:profile picture|avatar)|profile picture of .{1,60}",
    r"Profilbild von .{1,60}|photo de profil de .{1,60}",
    # Discord, and its exporter
    r"\{(?:Reactions|Attachments|Embed|Stickers)\}",
    r"(?-i:APP|BOT|NEW|New|OP)|Role icon, \D{1,40}",
    # Desks mark notes that no customer reads.
    r"Internal(?: note)?|Public reply|Private note|Interne Notiz|Note interne",
    r"No incidents reported(?: today)?\.?",
    # All of them
    rf"\(?edited\)?|\((?:{EDITED_WORDS})\)",
    r"this message (?:was|has been) deleted\.?|you deleted this message\.?",
    r"(?:diese nachricht wurde|du hast diese nachricht) gelöscht\.?",
    r"ce message a été supprimé\.?|vous avez supprimé ce message\.?",
    r"se eliminó este mensaje\.?|eliminaste este mensaje\.?",
    r"questo messaggio è stato eliminato\.?|hai eliminato questo messaggio\.?",
    r"(?:esta )?mensagem (?:foi )?apagada\.?|dit bericht is verwijderd\.?",
    r"(?:данное|это) сообщение (?:было )?удалено\.?|вы удалили (?:данное|это) сообщение\.?",
    r"(?:ta wiadomość została usunięta|usunięto tę wiadomość)\.?|bu mesaj silindi\.?",
    r"pesan ini (?:telah )?dihapus\.?|tin nhắn này đã bị xóa\.?",
    # WhatsApp
    r"<?(?:media|image|video|audio|sticker|GIF|document|contact card) (?:omitted|attached)>?",
    r"(?:Bild|Video|Audio|Sticker|GIF|Dokument|Kontaktkarte) weggelassen|<Medien ausgeschlossen>",
    r"(?:image|vidéo|audio|sticker|GIF|document) (?:absente?|omise?)|<Médias omis>",
    r"(?:imagen|video|audio|sticker|GIF|documento) omitid[oa]|<Multimedia omitido>",
    r"(?:immagine|video|audio|sticker|GIF|documento) omess[oa]|<Media omessi>",
    r"(?:imagem|vídeo|áudio|figurinha|GIF|documento) ocultad[oa]|<(?:Mídia|Arquivo de mídia) "
    r"ocult[ao]>",
    r"(?:afbeelding|video|audio|sticker|GIF|document) weggelaten|<Media weggelaten>",
    r"<(?:Medya dahil edilmedi|Media tidak disertakan|Media har utelämnats|Hiányzó médiafájl)>",
    r"messages and calls are end-to-end encrypted\..*",
    r"your security code with .*",
    r"missed (?:voice|video) call.*",
    # Teams
    r"(?:\S+ ){1,4}has (?:joined|left) the (?:meeting|conversation|call)\.?",
)
_NOISE = re.compile("|".join(f"(?:{each})" for each in _LINES), re.IGNORECASE)
# IRC's own lines: after a mark, with somebody's host, a channel or a mode. `--> failover began` is
# a person's.
OF_IRC = re.compile(
    r"-!-\s.*"
    r"|(?:\*{1,3}|-->|<--|--|⇐|→|←|⟶)\s+"
    r"(?=.*(?:[(\[]\S+@\S+[)\]]|#[A-Za-z]|is now known as|sets? mode))"
    r"(?=.*\b(?:joins|joined|left|quits?|parts|parted|kicked|mode|topic|nick|known)\b).*"
    r"|\S+ [(\[]\S+@\S+[)\]] has (?:joined|left|quit)\b.*"
    r"|\S+ has (?:joined|left|quit) (?:#[A-Za-z]\S*|the (?:channel|room|chat|server))\.?"
    r"|\*{1,3}\s+\S+ has quit(?: IRC)?(?: \(.*\))?",
    re.IGNORECASE,
)
# WhatsApp's own messages. People write such words too: only where it shows no name before them, or
# marks them as its own.
ENCRYPTED = re.compile(
    r"(?:[^\W\d_]+ ){0,6}(?:are|sind|sont|están|estão|sono|zijn)\s.{0,30}"
    r"(?:end-to-end|Ende-zu-Ende|bout en bout|extremo a extremo|ponta a ponta)\W.*",
    re.IGNORECASE,
)
OF_WHATSAPP = re.compile(
    r".{1,60} (?:created (?:this )?group\b.*|added .{1,60}|left|joined using .{1,60}|was added"
    r"|changed (?:this group|the (?:group|subject)|to ).*)",
    re.IGNORECASE,
)
OWN_MARK = "\u200e"
EMOJI = r"[\u2190-\u2bff\U0001f000-\U0001faff\ufe0f\u200d]+"
# `🔥 503` is somebody's word.
_REACTION_WITH_COUNT = re.compile(
    rf"(?::[a-z0-9_+'-]+:|{EMOJI})\s*(?:\d{{1,2}}|\(\d{{1,2}}\))", re.IGNORECASE
)
_REACTION = re.compile(rf":[a-z0-9_+'-]+:|{EMOJI}", re.IGNORECASE)
_TEAMS_REACTION = re.compile(
    r"(?:\d+ )?.{1,30}(?:reactions?|reaktion(?:en|er)?|réactions?|reacci(?:ones|ón)|reaç(?:ões|ão)"
    r"|reazion[ei]|reacties?)\.?"
    r"|\d+ (?:réactions?|reacci(?:ones|ón)|reaç(?:ões|ão)|reazion[ei]) .{1,30}",
    re.IGNORECASE,
)
_COUNT = re.compile(r"\d{1,4}")
_EDITED = re.compile(
    rf"\s*(?:[(（](?:{EDITED_WORDS})[)）]|<this message was edited>)\s*$",
    re.IGNORECASE,
)
# Behind the time in a message's head: `Ann Lee, 12:05 AM, Edited`.
EDITED_BEHIND = re.compile(rf"(?:\s*[,•·]\s*|\s+-\s+|\s+)\(?(?:{EDITED_WORDS})\)?$", re.IGNORECASE)


def is_noise(line: str) -> bool:
    """Whether a whole line is the chat's own, not a message."""
    return bool(_NOISE.fullmatch(line) or _REACTION_WITH_COUNT.fullmatch(line))


def is_of_whatsapp_itself(words: str) -> bool:
    """Whether the text behind a time is WhatsApp's own, if no name is before it."""
    return bool(OF_WHATSAPP.fullmatch(words) or ENCRYPTED.fullmatch(words)) or is_noise(words)


def reactions(lines: list[str]) -> set[int]:
    """The positions of reactions whose count is on the line below."""
    found: set[int] = set()
    for at in range(len(lines) - 1):
        words = lines[at].strip()
        is_reaction = _REACTION.fullmatch(words) or _TEAMS_REACTION.fullmatch(words)
        if is_reaction and _COUNT.fullmatch(lines[at + 1].strip()):
            found |= {at, at + 1}
    return found


def is_edited(line: str) -> bool:
    """Whether a whole line only says that the message was edited."""
    return re.fullmatch(EDITED_WORDS, line.strip(), re.IGNORECASE) is not None


def is_emoji(line: str) -> bool:
    """Whether a whole line is one emoji, or its name between colons."""
    return _REACTION.fullmatch(line.strip()) is not None


def without_edited(line: str) -> str:
    """A line without its edited mark."""
    return _EDITED.sub("", line)
