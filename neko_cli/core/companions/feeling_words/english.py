"""English feelings. Words are whole words, in the forms that speech has."""

from __future__ import annotations

from neko_cli.core.companions.feeling_words import Lexicon

ENGLISH = Lexicon(
    words={
        "happy": """happy+ happier+ happiest+ happily glad+ gladly joy+ joyful+ joyous+
            delighted+ delightful+ delight cheerful+ pleased+ excited+ exciting thrilled+ love loved
            loves- lovely adore adorable awesome+ amazing wonderful+ fantastic+ great- brilliant
            excellent perfect- yay+ hooray+ hurray+ yippee+ woohoo+ haha+ hahaha+ hehe+ hihi+ lol+ fun
            funny laugh laughed laughing smile smiling smiled grin congratulations+ congrats+ celebrate
            celebrating enjoy enjoyed enjoying grateful+ thankful+ blessed proud beautiful- sweet- cute-
            nice- sunny- purr+ purring+ cozy- glorious+ ecstatic+ overjoyed+ relieved made_my_day+
            can't_wait+ so_cool well_done+ good_job+ good_news+ looking_forward""",
        "sad": """sad+ sadder+ saddest+ sadly+ sadness+ unhappy+ cry crying+ cried+ tears+ weep+
            weeping+ sob+ sobbing+ depressed+ depressing+ miserable+ heartbroken+ heartbreaking+ grief+
            grieve+ grieving+ mourn+ lonely+ loneliness+ alone- miss_you+ missed_you miss_him+ miss_her+
            miss_them+ hurts hurt- sorrow+ sorrowful+ gloomy+ hopeless+ disappointed disappointing
            disappointment regret regrets- unfortunately- alas sorry- so_sorry+ sorry_to_hear+
            my_condolences+ passed_away+ died died_in- funeral+ gloom+ upset down_in_the_dumps+
            feel_down+ feeling_down+ broken_heart+ let_down bittersweet- melancholy+ sigh""",
        "angry": """angry+ angrier+ angrily+ anger+ mad furious+ fury+ rage+ enraged+ outraged+
            outrageous+ livid+ annoyed annoying annoys irritated irritating frustrated frustrating hate+
            hates+ hated+ hateful+ despise+ disgusting+ disgusted disgust infuriating+ infuriated+ damn
            damned bloody- stupid idiot+ idiots+ moron+ shut_up+ how_dare_you+ fed_up+ sick_of+
            enough_of_this+ leave_me_alone unacceptable+ ridiculous- pissed+ pisses+ grr+ grrr+ hiss+
            argh+ ugh nonsense- unfair- betrayed+ stop_it i've_had_enough+ cross_with_you""",
        "surprised": """surprised+ surprising+ surprise surprisingly astonished+ astonishing+
            astounded+ astounding+ amazed shocked+ shocking+ shock stunned+ stunning- speechless+
            unbelievable+ incredible incredibly- unexpected+ unexpectedly+ suddenly- wow+ whoa+ woah+
            omg+ gosh+ goodness+ gasp+ really?+ what?!+ huh+ no_way+ you're_kidding+ are_you_serious+
            are_you_kidding+ can't_believe+ cannot_believe+ who_knew+ never_expected+ didn't_expect+
            did_not_expect+ out_of_nowhere+ my_god+ oh_my+ holy startled+ wait,_what+ imagine_that""",
        "shy": """shy+ blush+ blushing+ blushes+ bashful+ embarrassed+ embarrassing flustered+ eep+
            awkward-""",
        "scared": """scared+ afraid+ frightened+ frightening terrified+ terrifying+ fear+ fears
            fearful+ scary+ panic+ panicking+ horrified+ horrifying+ horror nervous worried worry-
            anxious dread+ yikes+ creepy spooky""",
        "loving": """love+ loves+ love_you+ i_adore+ dear- darling+ sweetheart+ my_love+ hug+
            hugs+ kiss+ kisses+ cuddle+ cuddles+ affection+ cherish+ miss_you-""",
        "curious": """curious+ wonder+ wondering+ interesting interested intriguing+ intrigued+
            tell_me_more+ i'd_like_to_know+ fascinated+ fascinating+ what_is_it_like""",
        "confused": """confused+ confusing+ puzzled+ puzzling+ baffled+ lost- unsure
            don't_understand+ do_not_understand+ don't_get_it+ makes_no_sense+ huh hmm-""",
        "tired": """tired+ sleepy+ exhausted+ yawn+ yawning+ yawns+ weary+ worn_out+ drowsy+
            need_a_nap+ need_sleep+ fatigued+""",
        "bored": "bored+ boring+ boredom+ dull tedious+ nothing_to_do+ meh+",
        "proud": "proud+ pride+ proudly+ accomplished achievement well_done",
        "excited": "excited+ exciting+ thrilled+ thrilling+ can't_wait+ woohoo+ hyped+ pumped+",
    },
    negations=frozenset(
        """not no never don't doesn't didn't isn't aren't wasn't weren't won't can't cannot couldn't wouldn't
        shouldn't ain't hardly nothing without neither nor dont didnt isnt wasnt""".split()
    ),
    intensifiers=frozenset(
        """very so really too extremely absolutely totally completely incredibly super such most deeply truly
        terribly awfully utterly damn quite""".split()
    ),
    dampeners=frozenset(
        "slightly somewhat bit little kinda kind sort fairly mildly almost maybe perhaps".split()
    ),
    turns=("but", "however", "yet", "although", "though"),
)
